"""Checkpoints: the state as bytes and back, and when one is kept."""

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from campaign_publisher.log.change import Checkpoint
from campaign_publisher.log.checkpoints import (
    Checkpointed,
    Checkpointer,
    from_checkpoint,
    to_checkpoint,
)
from campaign_publisher.log.state import EMPTY, CampaignState, fold
from contracts.campaign import Campaign
from contracts.matchers import Matchers
from contracts.segment import Segment
from foundation.tasks import running
from testbed.builders import OTHER_STORE_ID, STORE_ID, a_campaign, a_head, golden
from testbed.fakes import InMemoryLog
from tests import strategies
from tests.campaign_publisher.replicas import a_change, a_replica, a_state
from tests.simulated_time import SimulatedClock, settle, simulated


@given(
    campaigns=st.lists(strategies.campaigns(), max_size=3, unique_by=lambda each: each.name),
    segments=st.lists(strategies.segments(), max_size=3, unique_by=lambda each: each.name),
    is_renewed=st.booleans(),
)
async def test_a_state_comes_back_from_its_checkpoint(
    campaigns: list[Campaign], segments: list[Segment], *, is_renewed: bool
) -> None:
    """A checkpoint gives back the same state, JSON and revisions included."""
    state = await a_state(*campaigns, segments=segments)
    if is_renewed:
        renewal = a_change(2, store_id=OTHER_STORE_ID, renewed_from=STORE_ID)
        state = await fold(state, [renewal])
    assert await from_checkpoint(to_checkpoint(state)) == Checkpointed(state, has_segments=True)


async def test_golden() -> None:
    """The checkpoint that is kept today is read and written the same for ever."""
    document = golden("checkpoint")
    found = await from_checkpoint(saved_as(document))
    assert found.has_segments
    assert to_checkpoint(found.state) == saved_as(document)


async def test_todays_checkpoint_has_segments() -> None:
    """One that lost them is refused, so that they are not taken for deleted."""
    document = golden("checkpoint")
    del document["segments"]
    with pytest.raises(ValueError, match="no segments"):
        await from_checkpoint(saved_as(document))


async def test_an_earlier_checkpoint_has_no_segments() -> None:
    """One of before there were segments is read, and says that they are missing."""
    document = golden("earlier_checkpoint")
    # An earlier version keeps no key that it does not know; this one is somebody's mistake.
    found = await from_checkpoint(saved_as({**document, "segments": [{"name": "whales"}]}))
    assert found == await from_checkpoint(saved_as(document))
    assert not found.has_segments
    assert [*found.state.campaigns] == ["later"]
    assert found.state.segments == {}


def saved_as(document: dict[str, Any]) -> Checkpoint:
    """Return a checkpoint with this state, of the change that the state names."""
    return Checkpoint(
        revision=document["revision"], head=document["head"], state=orjson.dumps(document)
    )


@pytest.mark.parametrize("field", ["revision", "head"])
async def test_a_checkpoint_must_be_of_the_change_it_names(field: str) -> None:
    """Bytes of one change under the name of another are refused."""
    checkpoint = to_checkpoint(await a_state(a_campaign()))
    other = {"revision": 7, "head": a_head(7)}[field]
    with pytest.raises(ValueError, match="not of the change"):
        await from_checkpoint(checkpoint.model_copy(update={field: other}))


@pytest.mark.parametrize("state", [b"", b"[]", b"{}", b"\xff", b'{"format":1}', b"[" * 10_000])
async def test_a_broken_checkpoint_is_a_value_error(state: bytes) -> None:
    """Nothing that can stand in a checkpoint raises anything else."""
    with pytest.raises(ValueError, match=r"."):
        await from_checkpoint(Checkpoint(revision=1, head=a_head(1), state=state))


MISSING = object()
OTHERS: tuple[Any, ...] = (MISSING, None, True, 0, -0.5, "x", [], {}, [1], {"x": 1})


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Return every place in a JSON value: its container, and its key or index there."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield value, key
        if isinstance(item, dict | list):
            yield from places(item)


async def test_a_checkpoint_of_a_later_version_loses_nothing() -> None:
    """Campaigns and segments keep unknown keys and matchers, and are written as they were."""
    document = golden("later_checkpoint")
    found = await from_checkpoint(saved_as(document))
    again = orjson.loads(to_checkpoint(found.state).state)
    assert again["campaigns"] == document["campaigns"]
    assert again["segments"] == document["segments"]


@given(choice=st.data())
async def test_a_checkpoint_that_lost_something_is_a_value_error(choice: st.DataObject) -> None:
    """Without one of its keys, or with another type of value, it is refused or gives the same."""
    # Every field has its default, so that one that is missing can make no other campaign.
    everyone = Segment(name="everyone", matchers=Matchers())
    state = await a_state(a_campaign(level=None), segments=[everyone])
    checkpoint = to_checkpoint(state)
    document = orjson.loads(checkpoint.state)
    holder, key = choice.draw(st.sampled_from([*places(document)]))
    other = choice.draw(
        st.sampled_from(OTHERS).filter(lambda it: type(it) is not type(holder[key]))
    )
    assume(not (key == "matchers" and isinstance(other, list)))  # perhaps those of a later version
    if other is not MISSING:
        holder[key] = other
    elif isinstance(holder, dict):
        del holder[key]
    try:
        found = await from_checkpoint(
            checkpoint.model_copy(update={"state": orjson.dumps(document)})
        )
    except ValueError:
        return
    assert found == Checkpointed(state, has_segments=True)


def saved(log: InMemoryLog) -> list[int]:
    """Return the revisions of the checkpoints that a log has."""
    return [checkpoint.revision for checkpoint in log.checkpoints]


async def states(count: int) -> list[CampaignState]:
    """Return the states at revisions 0 to `count`."""
    found = [await fold(EMPTY, [a_change(0)])]
    for revision in range(1, count + 1):
        found.append(await fold(found[-1], [a_change(revision)]))
    return found


@simulated
async def test_one_is_kept_every_so_many_changes() -> None:
    """States that this replica commits are kept at every multiple of the interval."""
    log = InMemoryLog()
    checkpointer = Checkpointer(log, every=3)
    async with running(checkpointer.run, name="checkpoints"):
        for state in (await states(8))[1:]:
            checkpointer.committed(state)
            await settle()
    assert saved(log) == [3, 6]


@simulated
async def test_only_the_newest_that_is_due_is_kept() -> None:
    """States that wait are replaced by newer ones, not queued."""
    log = InMemoryLog()
    checkpointer = Checkpointer(log, every=2)
    for state in await states(8):
        checkpointer.committed(state)
    async with running(checkpointer.run, name="checkpoints"):
        await settle()
    assert saved(log) == [8]


@pytest.mark.parametrize(("folded", "kept"), [(5, []), (6, [6])])
def test_a_long_start_is_the_last_one(folded: int, kept: list[int]) -> None:
    """A replica that folded more changes than the interval keeps a checkpoint of the result."""
    log = InMemoryLog(*(a_change(revision) for revision in range(folded)))

    @simulated
    async def start() -> None:
        replica = a_replica(log, clock=SimulatedClock(), every=5)
        await replica.log_replica.load()
        async with running(replica.checkpointer.run, name="checkpoints"):
            await settle()

    start()
    assert [revision + 1 for revision in saved(log)] == kept


@simulated
async def test_a_checkpoint_that_fails_does_no_harm() -> None:
    """A log that is away costs a checkpoint, and the next one is kept."""
    log = InMemoryLog()
    log.unavailable = True
    checkpointer = Checkpointer(log, every=1)
    async with running(checkpointer.run, name="checkpoints"):
        first, second = (await states(2))[1:]
        checkpointer.committed(first)
        await asyncio.sleep(1)
        log.unavailable = False
        checkpointer.committed(second)
        await asyncio.sleep(1)
    assert saved(log) == [2]
