"""When the next refetch is due."""

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_service.cache.schedule import (
    FIRST_SNAPSHOT_CAP_SECONDS,
    PACED,
    Cause,
    RefetchSchedule,
)

TTL = 300.0
CAP = TTL / 10
NOW = 1000.0
FREE = sorted(set(Cause) - PACED)


def test_nothing_is_due_before_somebody_asks() -> None:
    """A new schedule waits for ever."""
    assert RefetchSchedule(TTL).due_at == inf


@pytest.mark.parametrize("cause", Cause)
def test_what_is_asked_for_first_is_due_at_once(cause: Cause) -> None:
    """No cause waits when nothing happened before."""
    schedule = RefetchSchedule(TTL)
    schedule.ask(cause, NOW)
    assert schedule.due_at == NOW


@pytest.mark.parametrize("cause", FREE)
def test_what_no_stranger_can_cause_is_never_paced(cause: Cause) -> None:
    """A start, a connect and an operator are answered at once, however often they ask."""
    schedule = RefetchSchedule(TTL)
    for _ in range(5):
        schedule.ask(cause, NOW)
        assert schedule.due_at == NOW
        schedule.begin(NOW)


def test_a_refetch_answers_all_that_asked() -> None:
    """All causes are given once, and nothing is due afterwards, not even the expiry."""
    schedule = RefetchSchedule(TTL)
    schedule.confirmed(NOW - TTL, NOW - TTL)
    for cause in (Cause.OPERATOR, Cause.CONNECT, Cause.UNREADABLE, Cause.OPERATOR):
        schedule.ask(cause, NOW)
    assert schedule.begin(NOW) == {Cause.OPERATOR, Cause.CONNECT, Cause.UNREADABLE, Cause.TTL}
    assert schedule.due_at == inf
    assert schedule.begin(NOW) == frozenset()


def test_a_refetch_before_the_expiry_is_not_the_expiry_s() -> None:
    """The TTL is named as a cause only when it has passed."""
    schedule = RefetchSchedule(TTL)
    schedule.confirmed(NOW, NOW)
    schedule.ask(Cause.OPERATOR, NOW + 1)
    assert schedule.begin(NOW + 1) == {Cause.OPERATOR}


def test_a_paced_refetch_that_another_answers_is_forgotten() -> None:
    """What was asked for later is answered by what is fetched now."""
    schedule = RefetchSchedule(TTL)
    schedule.ask(Cause.UNREADABLE, NOW)
    schedule.begin(NOW)
    schedule.ask(Cause.UNREADABLE, NOW)
    assert schedule.due_at > NOW
    schedule.ask(Cause.CONNECT, NOW)
    assert schedule.begin(NOW) == {Cause.CONNECT, Cause.UNREADABLE}
    assert schedule.due_at == inf


def _starts(cause: Cause, asked: list[float]) -> list[float]:
    """Return when refetches begin, if each begins as soon as it is due."""
    schedule = RefetchSchedule(TTL)
    starts = []
    for moment in asked:
        while schedule.due_at <= moment:
            starts.append(schedule.due_at)
            schedule.begin(schedule.due_at)
        schedule.ask(cause, moment)
    if schedule.due_at < inf:
        starts.append(schedule.due_at)
    return starts


def _asks() -> st.SearchStrategy[list[float]]:
    """Moments in order: a flood of up to a hundred asks, some of them far apart."""
    pauses = st.floats(0, 0.5) | st.floats(0, 3 * CAP)
    return st.lists(pauses, min_size=1, max_size=100).map(
        lambda gaps: [NOW + sum(gaps[:count]) for count in range(len(gaps))]
    )


@given(st.sampled_from((Cause.UNREADABLE, Cause.UNKNOWN_REVISION)), _asks())
def test_a_flood_of_events_is_never_a_flood_of_refetches(cause: Cause, asked: list[float]) -> None:
    """The first asks at once; later ones wait longer each time, up to a tenth of the TTL."""
    starts = _starts(cause, asked)
    assert starts[0] == asked[0]
    attempt = 0
    for before, after in pairwise(starts):
        ceiling = min(CAP, 0.5 * 2**attempt)
        assert after - before >= ceiling / 2
        attempt = 0 if after - before > 2 * CAP else attempt + 1
    # Nobody who asks waits longer than the cap.
    assert all(any(0 <= start - moment <= CAP for start in starts) for moment in asked)


@given(_asks())
def test_another_environment_on_the_exchange_asks_rarely(asked: list[float]) -> None:
    """Events of a foreign store cause a refetch every tenth of the TTL at most."""
    starts = _starts(Cause.FOREIGN, asked)
    assert starts[0] == asked[0]
    gaps = [after - before for before, after in pairwise(starts)]
    assert all(gap >= CAP for gap in gaps)
    assert all(any(0 <= start - moment <= 2 * CAP for start in starts) for moment in asked)


@pytest.mark.parametrize("cause", [Cause.UNREADABLE, Cause.UNKNOWN_REVISION])
def test_news_that_was_real_lets_the_next_through_at_once(cause: Cause) -> None:
    """After a swap that an event brought, the next doubt is followed at once again."""
    schedule = RefetchSchedule(TTL)
    schedule.ask(cause, NOW)
    schedule.begin(NOW)
    schedule.advanced()
    schedule.ask(cause, NOW)
    assert schedule.due_at == NOW


def test_real_news_is_no_excuse_for_a_foreign_store() -> None:
    """The pace of another environment's events stays as it is."""
    schedule = RefetchSchedule(TTL)
    schedule.ask(Cause.FOREIGN, NOW)
    schedule.begin(NOW)
    schedule.advanced()
    schedule.ask(Cause.FOREIGN, NOW)
    assert schedule.due_at >= NOW + CAP


@given(st.floats(0, 1e6))
def test_a_snapshot_expires_just_before_its_ttl(as_of: float) -> None:
    """It is asked about again between 0.9 and 1.0 of the TTL after it was confirmed."""
    schedule = RefetchSchedule(TTL)
    schedule.confirmed(as_of, as_of)
    assert as_of + 0.9 * TTL <= schedule.due_at <= as_of + TTL


@given(st.floats(0, 10 * TTL))
def test_old_news_is_asked_about_after_a_pause(age: float) -> None:
    """However old the news was when it came, the next refetch is not at once."""
    schedule = RefetchSchedule(TTL)
    schedule.confirmed(NOW - age, NOW)
    assert schedule.due_at >= NOW + 0.9 * CAP
    assert schedule.due_at <= max(NOW - age + TTL, NOW + CAP)


@given(failures=st.integers(0, 100), holding=st.booleans())
def test_failures_are_retried_with_growing_pauses(*, failures: int, holding: bool) -> None:
    """The pause grows with each failure up to a tenth of the TTL; 2 s while nothing is held."""
    schedule = RefetchSchedule(TTL)
    for _ in range(failures):
        schedule.failed(NOW, holding=holding)
        schedule.begin(NOW)
    schedule.failed(NOW, holding=holding)
    cap = CAP if holding else FIRST_SNAPSHOT_CAP_SECONDS
    assert NOW <= schedule.due_at <= NOW + min(cap, 0.5 * 2**failures)
    assert schedule.begin(NOW) == {Cause.RETRY}


def test_a_success_ends_the_growing() -> None:
    """The first failure after a success is retried as soon as the very first."""
    schedule = RefetchSchedule(TTL)
    for _ in range(50):
        schedule.failed(NOW, holding=True)
    schedule.begin(NOW)
    schedule.succeeded()
    schedule.failed(NOW, holding=True)
    assert schedule.due_at <= NOW + 0.5


def test_a_foreign_answer_is_asked_for_again_in_a_ttl() -> None:
    """The origin has answered: only an operator changes what it serves."""
    schedule = RefetchSchedule(TTL)
    schedule.answered_foreign(NOW)
    assert NOW + 0.9 * TTL <= schedule.due_at <= NOW + TTL
