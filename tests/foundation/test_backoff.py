"""How long a retry waits."""

from hypothesis import given
from hypothesis import strategies as st

from foundation.backoff import Backoff, full_jitter

SECONDS = st.floats(min_value=0.001, max_value=1e6)


@given(attempt=st.integers(0, 10_000), base=SECONDS, cap=SECONDS)
def test_a_wait_is_within_the_capped_exponential(attempt: int, base: float, cap: float) -> None:
    """However many failures there were, the wait lies between nothing and the cap."""
    assert (
        0.0 <= full_jitter(attempt, base=base, cap=cap) <= min(cap, base * 2 ** min(attempt, 100))
    )


def test_many_that_failed_together_do_not_return_together() -> None:
    """The waits are spread over all of the interval."""
    waits = [full_jitter(0, base=10.0, cap=10.0) for _ in range(1000)]
    assert {int(wait) for wait in waits} == set(range(10))


def test_waits_grow_with_failures_in_a_row_and_start_again_after_a_success() -> None:
    """Each failure doubles what a wait may be; a success forgets them."""
    backoff = Backoff(base=1.0, cap=1e9)
    longest = [max(_wait(backoff, failures) for _ in range(200)) for failures in (1, 4, 8)]
    assert longest[0] <= 1.0 < longest[1] <= 8.0 < longest[2] <= 128.0


def _wait(backoff: Backoff, failures: int) -> float:
    backoff.reset()
    return [backoff.next() for _ in range(failures)][-1]
