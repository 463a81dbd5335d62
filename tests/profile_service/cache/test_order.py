"""Whatever comes in whatever order: what is held only gets newer."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.snapshot import LogPosition
from profile_service.cache.origin import Fetched, OriginUnavailable
from profile_service.cache.reading import UnreadableSnapshot
from testbed.builders import OTHER_STORE_ID, a_head
from testbed.fakes import FakeOrigin, body_of, event_of
from tests.profile_service.cache.caches import TTL, a_running_cache, held, revision
from tests.simulated_time import simulated

_REVISIONS = st.integers(0, 8)
_PAUSES = st.sampled_from((0.0, 0.3, 1.0, TTL / 10, TTL))

# What the world does: (kind, revision, pause after it).
_STEPS = st.tuples(
    st.sampled_from(
        (
            "event",
            "heartbeat",
            "parted",
            "foreign event",
            "foreign origin",
            "rubbish",
            "half a body",
            "connect",
            "invalidate",
            "origin",
            "slow origin",
            "broken origin",
            "origin away",
        )
    ),
    _REVISIONS,
    _PAUSES,
)


async def _do(cache: Any, origin: FakeOrigin, kind: str, number: int) -> None:
    snapshot = revision(number)
    foreign = revision(number, store_id=OTHER_STORE_ID)
    parted = revision(number, head=a_head(number + 1000))
    if kind == "event":
        await cache.receive(event_of(snapshot), body_of(snapshot))
    elif kind == "heartbeat":
        await cache.receive(event_of(snapshot, log_age=float(number)), b"")
    elif kind == "parted":
        await cache.receive(event_of(parted), b"")
    elif kind == "foreign event":
        await cache.receive(event_of(foreign), body_of(foreign))
    elif kind == "rubbish":
        cache.reject()
    elif kind == "half a body":
        try:
            await cache.receive(event_of(snapshot), body_of(snapshot)[:-9])
        except UnreadableSnapshot:
            cache.reject()
    elif kind == "connect":
        cache.connected()
    elif kind == "invalidate":
        await cache.refetcher.invalidate()
    else:
        _change(origin, kind, number)


def _change(origin: FakeOrigin, kind: str, number: int) -> None:
    origin.error = origin.answer = None
    origin.seconds = 0.7 if kind == "slow origin" else 0.0
    if kind == "origin away":
        origin.error = OriginUnavailable("away")
    elif kind == "broken origin":
        origin.answer = Fetched(event_of(revision(number)), b"<html>")
    elif kind == "foreign origin":
        origin.snapshot = revision(number, store_id=OTHER_STORE_ID)
    else:
        origin.snapshot = revision(number)


@given(steps=st.lists(_STEPS, max_size=25))
@simulated
async def test_the_cache_never_goes_back(steps: list[tuple[str, int, float]]) -> None:
    """Under any order, duplication and loss of events and answers the revision only grows.

    In the end, once the origin serves the newest, that is what is held, and fresh.
    """
    origin = FakeOrigin(revision(2))
    async with a_running_cache(origin) as cache:
        seen: list[LogPosition] = [held(cache).position]
        for kind, number, pause in steps:
            await asyncio.gather(_do(cache, origin, kind, number), asyncio.sleep(pause))
            seen.append(held(cache).position)
        assert {position.store_id for position in seen} == {seen[0].store_id}
        revisions = [position.revision for position in seen]
        assert revisions == sorted(revisions)
        assert all(position.head == a_head(position.revision) for position in seen)
        _change(origin, "origin", 9)
        # A foreign answer is asked for again in a TTL.
        await asyncio.sleep(1.1 * TTL)
        assert held(cache).position.revision == 9
        assert not cache.is_stale
        assert origin.most_in_flight == 1
