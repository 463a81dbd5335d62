"""A replica's copy of the campaigns: loaded, followed, and given up when the log is replaced."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import orjson
import pytest

from campaign_publisher.log.change import Change, Checkpoint, LogUnavailable
from campaign_publisher.log.checkpoints import to_checkpoint
from campaign_publisher.log.replica import EXAMINE_SECONDS, MAX_MISSED_POLLS
from campaign_publisher.log.state import EMPTY, CampaignState, fold
from foundation.errors import Unavailable
from foundation.tasks import running
from testbed.builders import OTHER_STORE_ID, STORE_ID, a_campaign, a_head, a_segment
from testbed.fakes import FakeClock, InMemoryLog
from tests.campaign_publisher.replicas import POLL, a_change, a_loaded_replica, a_replica, a_state


def names(state: CampaignState) -> list[str]:
    """Return the names of the campaigns."""
    return sorted(state.campaigns)


async def test_an_empty_log_is_given_a_store() -> None:
    """The first replica gives the log a store; the next ones find it."""
    log = InMemoryLog()
    first, second = await a_loaded_replica(log), await a_loaded_replica(log)
    assert [change.revision for change in log.changes] == [0]
    assert first.state == second.state
    assert first.state.store_id == log.changes[0].store_id


async def test_two_replicas_create_a_store_at_once() -> None:
    """Of two replicas that create a store in one log the later one fails, and then reads it."""
    log = InMemoryLog()

    async def somebody_is_first(_: Change) -> None:
        log.appending = None
        log.changes.append(a_change(0))

    log.appending = somebody_is_first
    replica = a_replica(log)
    with pytest.raises(LogUnavailable):
        await replica.log_replica.load()
    assert not replica.log_replica.is_loaded
    await replica.log_replica.load()
    assert replica.state.store_id == STORE_ID


async def test_nothing_is_known_before_the_first_read() -> None:
    """Until the log was read there is no state, and nothing is authoritative."""
    log_replica = a_replica(InMemoryLog()).log_replica
    with pytest.raises(Unavailable):
        _ = log_replica.state
    assert not log_replica.is_loaded
    assert not log_replica.is_current
    assert not log_replica.is_authoritative


async def test_follows_what_others_append() -> None:
    """Each read takes in what was appended since, asking for no more than that."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")))
    replica = await a_loaded_replica(log)
    log.changes += [a_change(2, a_campaign("b")), a_change(3, deleted=["a"])]
    log.reads.clear()
    await replica.log_replica.follow()
    assert names(replica.state) == ["b"]
    assert replica.state.revision == 3
    assert log.reads == [2]


async def test_listeners_are_called_for_every_move_and_nothing_else() -> None:
    """A subscriber is called when the state moves on, not for a read that found nothing."""
    log = InMemoryLog(a_change(0))
    replica = a_replica(log)
    calls: list[int] = []
    replica.log_replica.subscribe(lambda: calls.append(replica.state.revision))
    await replica.log_replica.load()
    await replica.log_replica.follow()
    log.changes.append(a_change(1))
    await replica.log_replica.follow()
    assert calls == [0, 1]


async def test_it_is_authoritative_while_the_log_was_read_lately() -> None:
    """Five polls after the last successful read the state no longer counts as the newest."""
    clock = FakeClock()
    log = InMemoryLog(a_change(0))
    log_replica = (await a_loaded_replica(log, clock=clock)).log_replica
    clock.advance(MAX_MISSED_POLLS * POLL.total_seconds())
    assert log_replica.is_authoritative
    clock.advance(0.001)
    assert not log_replica.is_authoritative
    log.unavailable = True
    with pytest.raises(LogUnavailable):
        await log_replica.follow()
    assert not log_replica.is_authoritative
    log.unavailable = False
    await log_replica.follow()
    assert log_replica.is_authoritative
    assert log_replica.age == 0.0


async def test_its_age_counts_from_the_start_of_a_read() -> None:
    """A change that is appended during a read does not count as seen."""
    clock = FakeClock()

    class SlowLog(InMemoryLog):
        async def _reach(self) -> None:
            clock.advance(0.75)

    log_replica = (await a_loaded_replica(SlowLog(a_change(0)), clock=clock)).log_replica
    assert log_replica.age >= 0.75
    clock.advance(60)
    await log_replica.follow()
    assert 0.75 <= log_replica.age < 60


RESTORED = {
    "cut": [a_change(0), a_change(1)],
    "cut and written again": [
        a_change(0),
        a_change(1),
        a_change(2, id=a_head(99)),
        a_change(3, previous=a_head(99)),
    ],
    "emptied": [],
    "another store": [a_change(0, id=a_head(77), store_id=OTHER_STORE_ID)],
}


@pytest.mark.parametrize("restored", RESTORED.values(), ids=RESTORED.keys())
async def test_a_replaced_log_is_noticed(restored: Sequence[Change]) -> None:
    """When its own head is gone it keeps its state and is not authoritative.

    Once the log holds its head again, it goes on as if nothing had been.
    """
    whole = [a_change(0), a_change(1), a_change(2, a_campaign("a"))]
    log = InMemoryLog(*whole)
    replica = await a_loaded_replica(log)
    held = replica.state
    log.changes = list(restored)
    for _ in range(2):
        await replica.log_replica.follow()
        assert replica.log_replica.replaced
        assert not replica.log_replica.is_authoritative
        assert replica.state is held
    log.changes = [*whole, a_change(3, a_campaign("b"))]
    await replica.log_replica.follow()
    assert replica.log_replica.is_authoritative
    assert names(replica.state) == ["a", "b"]


async def test_a_log_that_got_a_gap_is_no_longer_followed() -> None:
    """When what follows its head lacks a revision, it keeps its state and names the revision."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")))
    replica = await a_loaded_replica(log)
    log.changes.append(a_change(3, a_campaign("b")))
    await replica.log_replica.follow()
    assert not replica.log_replica.is_authoritative
    assert replica.log_replica.problem == "revision 2 is missing"
    assert names(replica.state) == ["a"]


async def test_a_log_with_a_gap_can_be_renewed() -> None:
    """A renewal takes the changes that are there, and every replica loads and follows them."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")))
    running = await a_loaded_replica(log)
    log.changes.append(a_change(3, a_campaign("b")))
    started = a_replica(log)
    for _ in range(3):
        with pytest.raises(LogUnavailable, match="revision 2 is missing"):
            await started.log_replica.load()
    assert log.reads.count(0) == 2  # by each replica once, not at every poll
    state = await started.service.renew(actor="anna")
    assert (state.revision, state.renewed_from, names(state)) == (4, (STORE_ID,), ["a", "b"])
    await running.log_replica.follow()
    assert running.state == (await a_loaded_replica(log)).state == state


LOSSES = {"the running one": True, "one that was restarted": False}


@pytest.mark.parametrize("by_running", LOSSES.values(), ids=LOSSES.keys())
async def test_replicas_agree_after_the_renewal_of_a_log_that_lost_a_change(
    *, by_running: bool
) -> None:
    """Whoever renews, all replicas hold the same; a running one brings the lost change back."""
    changes = [a_change(0), a_change(1, a_campaign("a")), a_change(2, a_campaign("b"))]
    log = InMemoryLog(*changes)
    running, other = await a_loaded_replica(log), await a_loaded_replica(log)
    del log.changes[1]
    started = a_replica(log)
    with pytest.raises(LogUnavailable, match="revision 1 is missing"):
        await started.log_replica.load()
    renewed = await (running if by_running else started).service.renew(actor="anna")
    await running.log_replica.follow()
    await other.log_replica.follow()
    assert running.state == other.state == (await a_loaded_replica(log)).state == renewed
    assert names(renewed) == (["a", "b"] if by_running else ["b"])


async def test_a_gap_that_is_filled_again_is_noticed() -> None:
    """A missing change that is put back is found within a minute, though the log has not grown.

    Until then the log is not read again.
    """
    clock = FakeClock()
    log = InMemoryLog(a_change(0), a_change(2))
    replica = a_replica(log, clock=clock)
    for _ in range(5):
        with pytest.raises(LogUnavailable, match="revision 1 is missing"):
            await replica.log_replica.load()
    assert log.reads == [0]
    log.changes.insert(1, a_change(1, a_campaign("a")))
    clock.advance(EXAMINE_SECONDS)
    await replica.log_replica.load()
    assert replica.log_replica.is_authoritative
    assert names(replica.state) == ["a"]


async def test_an_examination_that_broke_off_is_made_again() -> None:
    """A log that is away while it is read whole is read as soon as it is back."""
    log = InMemoryLog(a_change(0), a_change(2))
    replica = a_replica(log)
    with pytest.raises(LogUnavailable, match="revision 1 is missing"):
        await replica.log_replica.load()
    log.changes = [a_change(0), a_change(1), a_change(2), a_change(3)]
    log.deposed = True
    with pytest.raises(LogUnavailable, match="deposed"):
        await replica.log_replica.load()
    log.deposed = False
    await replica.log_replica.load()
    assert replica.log_replica.is_authoritative


async def test_a_log_is_prepared_before_it_is_whole_again() -> None:
    """A replaced log that comes back may lack its table, or be of another form."""
    log = InMemoryLog(a_change(0), a_change(1))
    replica = await a_loaded_replica(log)
    removed = log.changes.pop()
    await replica.log_replica.follow()
    assert (replica.log_replica.replaced, log.prepared) == (True, 1)
    log.changes.append(removed)
    await replica.log_replica.follow()
    assert (replica.log_replica.replaced, log.prepared) == (False, 2)


async def test_a_poll_reads_on_until_nothing_newer_is_hidden() -> None:
    """A change that a deposed primary did not show is read from its successor, in one poll."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    log.changes.append(a_change(1, a_campaign("a")))
    log.late = 1
    await replica.log_replica.follow()
    assert names(replica.state) == ["a"]


async def test_a_newest_change_that_is_never_shown_confirms_nothing() -> None:
    """While reads lack a change that the log certainly has, the state's age goes on."""
    clock = FakeClock()
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=clock)
    log.changes.append(a_change(1))
    log.late = 1000
    clock.advance(2)
    with pytest.raises(LogUnavailable):
        await replica.log_replica.follow()
    assert replica.log_replica.age == 2


async def test_a_deposed_primary_confirms_nothing() -> None:
    """A server that shows no new change confirms the state only if it still has its head."""
    clock = FakeClock()
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")))
    replica = await a_loaded_replica(log, clock=clock)
    clock.advance(3)
    log.deposed = True
    with pytest.raises(LogUnavailable):
        await replica.log_replica.follow()
    assert replica.log_replica.age == 3


async def test_a_renewal_of_its_own_store_is_followed() -> None:
    """A replica follows a replaced log once another one renewed it from the store held here."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")), a_change(2))
    replica = await a_loaded_replica(log)
    del log.changes[2:]
    await replica.log_replica.follow()
    assert replica.log_replica.replaced
    log.changes.append(a_change(2, id=a_head(50), store_id=OTHER_STORE_ID, renewed_from=STORE_ID))
    log.changes.append(a_change(3, a_campaign("b"), previous=a_head(50)))
    await replica.log_replica.follow()
    assert replica.log_replica.is_authoritative
    assert replica.state.store_id == OTHER_STORE_ID
    assert names(replica.state) == ["a", "b"]


async def test_the_first_of_several_renewals_is_enough() -> None:
    """A replica that missed all of them follows a log that was renewed from its store once."""
    log = InMemoryLog(a_change(0), a_change(1), a_change(2), a_change(3), a_change(4))
    replica = await a_loaded_replica(log)
    renewed, newest = UUID(int=1), UUID(int=2)
    log.changes[1:] = [
        a_change(1, id=a_head(50), store_id=renewed, renewed_from=STORE_ID),
        a_change(2, id=a_head(51), previous=a_head(50), store_id=newest, renewed_from=renewed),
        a_change(3, a_campaign("a"), id=a_head(52), previous=a_head(51)),
    ]
    await replica.log_replica.follow()
    assert replica.log_replica.is_authoritative
    assert replica.state.store_id == newest
    assert names(replica.state) == ["a"]


async def test_renewals_before_a_checkpoint_are_found() -> None:
    """A checkpoint names every renewal before it."""
    renewed, newest = UUID(int=1), UUID(int=2)
    changes = [
        a_change(0),
        a_change(1, id=a_head(50), store_id=renewed, renewed_from=STORE_ID),
        a_change(2, id=a_head(51), previous=a_head(50), store_id=newest, renewed_from=renewed),
    ]
    log = InMemoryLog(a_change(0), a_change(1))
    replica = await a_loaded_replica(log)
    log.changes = changes
    log.checkpoints = [to_checkpoint(await fold(EMPTY, changes))]
    await replica.log_replica.follow()
    assert replica.state.store_id == newest


async def test_a_renewal_of_another_store_is_not() -> None:
    """A log that continues another store is not followed, whatever is appended to it."""
    log = InMemoryLog(a_change(0), a_change(1))
    replica = await a_loaded_replica(log)
    foreign = a_change(0, id=a_head(77), store_id=OTHER_STORE_ID, renewed_from=a_head(5))
    log.changes = [foreign, a_change(1, id=a_head(78), previous=a_head(77))]
    await replica.log_replica.follow()
    log.changes.append(a_change(2, id=a_head(79), previous=a_head(78)))
    await replica.log_replica.follow()
    assert replica.log_replica.replaced
    assert replica.state.store_id == STORE_ID


async def test_a_replaced_log_is_read_whole_once_for_every_change() -> None:
    """While nothing is appended to it, a log of another store is not read whole at each poll."""
    log = InMemoryLog(a_change(0), a_change(1))
    replica = await a_loaded_replica(log)
    del log.changes[1:]
    await replica.log_replica.follow()
    log.reads.clear()
    for _ in range(5):
        await replica.log_replica.follow()
    assert log.reads == [2] * 5


async def test_a_start_reads_from_the_checkpoint_on() -> None:
    """With a checkpoint only the changes after it are read, and the state is the same."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")), a_change(2, a_campaign("b")))
    whole = (await a_loaded_replica(log)).state
    log.checkpoints = [to_checkpoint(await a_state(a_campaign("a")))]
    log.reads.clear()
    assert (await a_loaded_replica(log)).state == whole
    assert log.reads == [2]


async def test_a_checkpoint_of_another_log_is_not_used() -> None:
    """A checkpoint whose change the log does not hold counts for nothing."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a"), id=a_head(60)))
    log.checkpoints = [to_checkpoint(await a_state(a_campaign("restored away")))]
    assert names((await a_loaded_replica(log)).state) == ["a"]


async def test_a_broken_checkpoint_costs_time_only() -> None:
    """Without a readable checkpoint the whole log is read."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")))
    good = to_checkpoint(await a_state(a_campaign("a")))
    assert good.state.startswith(b'{"format":3')
    for state in (b"", b"{}", good.state[:-9], good.state.replace(b'"format":3', b'"format":9')):
        log.checkpoints = [good.model_copy(update={"state": state})]
        assert names((await a_loaded_replica(log)).state) == ["a"]


def without_segments(state: CampaignState) -> Checkpoint:
    """Return the checkpoint that a version which knows no segments keeps of a state."""
    checkpoint = to_checkpoint(state)
    document = orjson.loads(checkpoint.state)
    del document["segments"]
    return checkpoint.model_copy(update={"state": orjson.dumps({**document, "format": 2})})


async def test_the_segments_that_a_checkpoint_lacks_are_read_from_the_log() -> None:
    """A replica of a version that knows no segments cannot lose them by its checkpoints."""
    log = InMemoryLog(
        a_change(0),
        a_change(1, a_campaign("a"), put_segments=[a_segment("kept"), a_segment("deleted")]),
        a_change(2, a_campaign("b"), deleted_segments=["deleted"]),
        a_change(3, put_segments=[a_segment("later")]),
    )
    whole = (await a_loaded_replica(log)).state
    assert sorted(whole.segments) == ["kept", "later"]
    log.checkpoints = [without_segments(await fold(EMPTY, log.changes[:3]))]
    log.reads.clear()
    assert (await a_loaded_replica(log)).state == whole
    assert log.reads == [0, 3]


async def test_a_checkpoint_without_segments_keeps_what_the_log_lacks() -> None:
    """Of a log that was renewed with a change missing, its campaigns are still there."""
    lost = a_change(1, a_campaign("a"))
    renewal = a_change(2, store_id=OTHER_STORE_ID, renewed_from=STORE_ID)
    log = InMemoryLog(a_change(0), lost, renewal)
    log.checkpoints = [without_segments(await fold(EMPTY, log.changes))]
    log.changes.remove(lost)
    assert names((await a_loaded_replica(log)).state) == ["a"]


@pytest.mark.parametrize(("every", "kept"), [(3, 0), (2, 1)])
async def test_a_start_without_segments_counts_as_a_long_one(every: int, kept: int) -> None:
    """What was read for the segments counts for the next checkpoint."""
    log = InMemoryLog(a_change(0), a_change(1), a_change(2, a_campaign("a")))
    log.checkpoints = [without_segments(await fold(EMPTY, log.changes))]
    replica = a_replica(log, every=every)
    await replica.log_replica.load()
    async with running(replica.checkpointer.run, name="checkpoints"):
        for _ in range(10):
            await asyncio.sleep(0)
    assert sum(each.state.startswith(b'{"format":3') for each in log.checkpoints) == kept


async def test_a_log_with_a_gap_is_not_loaded() -> None:
    """A log that lacks a revision is unavailable, not a state that lacks a change."""
    replica = a_replica(InMemoryLog(a_change(0), a_change(2)))
    with pytest.raises(LogUnavailable):
        await replica.log_replica.load()
    assert not replica.log_replica.is_loaded
