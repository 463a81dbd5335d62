"""Revisions that were named without their campaigns."""

from profile_service.cache.hearsay import MAX_MISSES, Hearsay
from tests.profile_service.cache.stage import revision

HELD = revision(5).position


def _tries(hearsay: Hearsay) -> int:
    """Give how often the origin is asked again for what was named."""
    tries = 0
    while hearsay.is_missed_in(HELD):
        tries += 1
    return tries


def test_each_revision_is_looked_for_equally_often() -> None:
    """Whatever was missed before it, and also when the one before was missed in vain."""
    hearsay = Hearsay()
    hearsay.hear(revision(6).position)
    assert hearsay.is_missed_in(HELD)
    hearsay.hear(revision(7).position)
    assert _tries(hearsay) == MAX_MISSES
    hearsay.hear(revision(8).position)
    assert hearsay.is_missed_in(HELD)
    hearsay.forget()
    assert _tries(hearsay) == 0
    hearsay.hear(revision(9).position)
    assert _tries(hearsay) == MAX_MISSES


def test_repeating_a_revision_does_not_prolong_the_search() -> None:
    """A publisher that keeps naming what nobody shows is believed for a few tries only."""
    hearsay = Hearsay()
    tries = 0
    for _ in range(2 * MAX_MISSES):
        hearsay.hear(revision(6).position)
        if not hearsay.is_missed_in(HELD):
            break
        tries += 1
    assert tries == MAX_MISSES
