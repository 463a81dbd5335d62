"""Revisions that were announced without their campaigns."""

from profile_service.cache.announced import MAX_MISSES, AnnouncedRevision
from tests.profile_service.cache.caches import revision

HELD = revision(5).position


def _tries(announced: AnnouncedRevision) -> int:
    """Return how often the origin is asked again for the announced revision."""
    tries = 0
    while announced.is_missing_from(HELD):
        tries += 1
    return tries


def test_each_revision_is_looked_for_equally_often() -> None:
    """Whatever was missed before it, and also when the one before was missed in vain."""
    announced = AnnouncedRevision()
    announced.note(revision(6).position)
    assert announced.is_missing_from(HELD)
    announced.note(revision(7).position)
    assert _tries(announced) == MAX_MISSES
    announced.note(revision(8).position)
    assert announced.is_missing_from(HELD)
    announced.forget()
    assert _tries(announced) == 0
    announced.note(revision(9).position)
    assert _tries(announced) == MAX_MISSES


def test_repeating_a_revision_does_not_prolong_the_search() -> None:
    """A publisher that keeps announcing a revision that no replica has is believed a few times."""
    announced = AnnouncedRevision()
    tries = 0
    for _ in range(2 * MAX_MISSES):
        announced.note(revision(6).position)
        if not announced.is_missing_from(HELD):
            break
        tries += 1
    assert tries == MAX_MISSES
