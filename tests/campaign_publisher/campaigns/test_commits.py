"""Committer: a decision becomes one change of the log, or none, and the answer says which."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_publisher.campaigns.commits import (
    APPEND_SECONDS,
    DECIDE_SECONDS,
    MAX_WAITING,
    Committer,
)
from campaign_publisher.campaigns.edits import ProposedChange, archiving
from campaign_publisher.campaigns.limits import MAX_CAMPAIGN_BYTES, MAX_SEGMENTS
from campaign_publisher.log.change import AppendUnsettled, Change, LogUnavailable
from campaign_publisher.log.state import EMPTY, CampaignState, fold
from contracts.campaign import Campaign
from contracts.segment import Segment
from contracts.wire import MAX_SNAPSHOT_BYTES
from foundation.errors import (
    Conflict,
    Invalid,
    NotFound,
    OutcomeUnknown,
    PreconditionFailed,
    TooLarge,
    Unavailable,
)
from foundation.preconditions import Preconditions
from testbed.builders import NOW, OTHER_STORE_ID, STORE_ID, a_campaign, a_head, a_segment
from testbed.fakes import FakeClock, InMemoryLog
from tests.campaign_publisher.replicas import Replica, a_change, a_loaded_replica, a_replica
from tests.simulated_time import SimulatedClock, simulated

ANY = Preconditions()


async def put(replica: Replica, name: str = "a", *, priority: float = 1.0) -> str:
    """Put a campaign and return its ETag."""
    campaign = a_campaign(name, priority=priority)
    return (await replica.service.put(campaign, ANY, actor="me")).etag


def revisions(log: InMemoryLog) -> list[int]:
    """Return the revisions that a log holds, in the order they were appended."""
    return [change.revision for change in log.changes]


async def test_a_write_is_one_change() -> None:
    """It names who did it, sets last_updated to its own time, and is what this replica holds."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    found = await replica.service.put(a_campaign("a"), ANY, actor="anna")
    change = log.changes[-1]
    assert found.created
    assert (change.revision, change.actor, change.op) == (1, "anna", "put")
    assert change.put[0].last_updated == change.at
    assert replica.state == await fold(EMPTY, log.changes)


async def test_what_changes_nothing_makes_no_revision() -> None:
    """A PUT of what is stored, a PATCH to what is stored and an import of it are no changes."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    etag = await put(replica)
    found = await replica.service.put(a_campaign("a", priority=1), ANY, actor="me")
    assert (found.etag, found.created) == (etag, False)
    assert (await replica.service.patch("a", {"priority": 1}, ANY, actor="me")).etag == etag
    imported = await replica.service.replace_all(
        {"a": a_campaign("a", priority=1)}, ANY, actor="me"
    )
    assert (imported.revision, imported.unchanged) == (1, 1)
    assert revisions(log) == [0, 1]


async def test_two_replicas_never_share_a_revision() -> None:
    """Of many writes through two replicas at once each is one revision, and none is missing."""
    log = InMemoryLog(a_change(0))
    replicas = [await a_loaded_replica(log) for _ in range(2)]
    await asyncio.gather(*(put(replicas[number % 2], f"campaign {number}") for number in range(50)))
    assert revisions(log) == list(range(51))
    for replica in replicas:
        await replica.log_replica.follow()
    assert replicas[0].state == replicas[1].state
    assert len(replicas[0].state.campaigns) == 50


async def test_of_two_who_saw_the_same_one_wins() -> None:
    """With If-Match on the same ETag, one of two replicas writes and the other answers 412."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")))
    replicas = [await a_loaded_replica(log) for _ in range(2)]
    seen = Preconditions(if_match=replicas[0].service.campaign("a").etag)
    results = await asyncio.gather(
        *(
            replica.service.put(a_campaign("a", priority=number), seen, actor="me")
            for number, replica in enumerate(replicas, start=5)
        ),
        return_exceptions=True,
    )
    assert sorted(isinstance(result, PreconditionFailed) for result in results) == [False, True]
    assert revisions(log) == [0, 1, 2]


async def test_of_two_who_create_the_same_one_does() -> None:
    """With If-None-Match: * exactly one of two replicas creates a campaign."""
    log = InMemoryLog(a_change(0))
    replicas = [await a_loaded_replica(log) for _ in range(2)]
    new = Preconditions(if_none_match="*")
    results = await asyncio.gather(
        *(
            replica.service.put(a_campaign("a", priority=number), new, actor="me")
            for number, replica in enumerate(replicas)
        ),
        return_exceptions=True,
    )
    assert sorted(isinstance(result, PreconditionFailed) for result in results) == [False, True]


def a_campaign_in(segment: str) -> Campaign:
    """Return a campaign for players who are in a segment."""
    matchers = {"segment": {"any": [segment]}}
    return Campaign.model_validate({"name": "c", "game": "mygame", "matchers": matchers})


@pytest.mark.parametrize("is_first", ["the campaign", "the deletion"])
async def test_two_replicas_leave_no_reference_to_nothing(is_first: str) -> None:
    """Of a campaign that refers to a segment and a deletion of it, at once, one is refused."""
    log = InMemoryLog(a_change(0), a_change(1, put_segments=[a_segment("s")]))
    one, other = [await a_loaded_replica(log) for _ in range(2)]

    async def somebody_is_first(_: Change) -> None:
        log.appending = None
        if is_first == "the campaign":
            await one.service.put(a_campaign_in("s"), ANY, actor="me")
        else:
            await one.segments.delete("s", ANY, actor="me")

    log.appending = somebody_is_first
    if is_first == "the campaign":
        with pytest.raises(Conflict, match="in use by 1: campaign 'c'"):
            await other.segments.delete("s", ANY, actor="me")
    else:
        with pytest.raises(Invalid, match="there is no segment 's'"):
            await other.service.put(a_campaign_in("s"), ANY, actor="me")
    assert revisions(log) == [0, 1, 2]


async def test_two_replicas_close_no_cycle() -> None:
    """Of two references that would lead back to each other, at once, one is refused."""
    log = InMemoryLog(a_change(0), a_change(1, put_segments=[a_segment("a"), a_segment("b")]))
    replicas = [await a_loaded_replica(log) for _ in range(2)]
    cycle = [a_segment("a", segment={"any": ["b"]}), a_segment("b", segment={"any": ["a"]})]
    results = await asyncio.gather(
        *(
            replica.segments.put(segment, ANY, actor="me")
            for replica, segment in zip(replicas, cycle, strict=True)
        ),
        return_exceptions=True,
    )
    assert sorted(isinstance(result, Invalid) for result in results) == [False, True]


async def test_a_reference_is_judged_on_the_log_as_it_is() -> None:
    """A replica that has not read a segment yet refuses no campaign that refers to it."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    log.changes.append(a_change(1, put_segments=[a_segment("s")]))
    await replica.service.put(a_campaign_in("s"), ANY, actor="me")
    log.changes.append(a_change(3, deleted=["c"], previous=log.changes[-1].id))
    await replica.segments.delete("s", ANY, actor="me")
    assert replica.state.segments == {}


async def test_a_lagging_replica_refuses_nothing_wrongly() -> None:
    """404 and 412 are judged on the log as it is, not on what this replica remembers."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("old")))
    replica = await a_loaded_replica(log)
    log.changes += [a_change(2, a_campaign("new")), a_change(3, a_campaign("old", priority=9))]
    await replica.service.patch("new", {"priority": 2}, ANY, actor="me")
    moved = Preconditions(if_match=f'"{STORE_ID}-3"')
    await replica.service.delete("old", moved, actor="me")
    log.changes.append(a_change(6, previous=log.changes[-1].id, deleted=["new"]))
    with pytest.raises(NotFound):
        await replica.service.delete("new", ANY, actor="me")


@simulated
async def test_a_deposed_primary_refuses_nothing_wrongly() -> None:
    """404, 412 and "nothing changed" are decided on changes that a first read did not show."""
    log = InMemoryLog(a_change(0))
    replica, other = await a_loaded_replica(log), await a_loaded_replica(log)
    etag = await put(other)
    log.late = 1
    await replica.service.delete("a", Preconditions(if_match=etag), actor="me")
    await other.log_replica.follow()
    await put(other, priority=1)
    await put(other, priority=2)
    log.late = 1
    await put(replica, priority=1)
    assert log.changes[-1].put[0].priority == 1


async def test_only_answers_without_an_append_are_confirmed_by_a_read() -> None:
    """An append shows that its state was the newest: it costs no read of its own."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    log.confirmations = 0
    etag = await put(replica)
    assert log.confirmations == 0
    await put(replica)
    assert log.confirmations == 1
    with pytest.raises(NotFound):
        await replica.service.delete("b", ANY, actor="me")
    assert log.confirmations == 2
    with pytest.raises(PreconditionFailed):
        await replica.service.delete("a", Preconditions(if_none_match=etag), actor="me")
    assert log.confirmations == 3


async def test_an_unconfirmed_read_does_not_make_the_state_younger() -> None:
    """A write that is made does, from its own start; one that fails leaves the age as it was."""
    clock = FakeClock()
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=clock)
    clock.advance(3)

    async def refuse(_: Change) -> None:
        raise LogUnavailable("disk full")

    log.appending = refuse
    with pytest.raises(Unavailable):
        await put(replica)
    assert replica.log_replica.age == 3
    log.appending = None
    await put(replica)
    assert replica.log_replica.age == 0


@simulated
async def test_a_log_that_cannot_be_written_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Refused or unsettled, writes that fail are one line and one reason, until one succeeds."""
    caplog.set_level("INFO", logger="campaign_publisher.log.replica")
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=SimulatedClock())
    caplog.clear()

    async def refuse(_: Change) -> None:
        raise LogUnavailable("disk full")

    async def hang(_: Change) -> None:
        raise AppendUnsettled("no answer")

    for log.appending in (refuse, refuse, hang, hang):
        with pytest.raises((Unavailable, OutcomeUnknown)):
            await put(replica)
    assert replica.log_replica.appending.is_failing
    log.appending = None
    await put(replica)
    outages = [each.getMessage() for each in caplog.records if each.name.endswith("replica")]
    assert outages == ["the log cannot be written: disk full", "the log can be written again"]


@simulated
async def test_an_unsettled_write_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often it is sent again: once when it begins, once when it is given up."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=SimulatedClock())

    async def hide(_: Change) -> None:
        raise AppendUnsettled("the test hides it")

    log.appending = hide
    caplog.clear()
    with pytest.raises(OutcomeUnknown):
        await put(replica)
    assert [record.name for record in caplog.records].count(Committer.__module__) == 2
    assert len(caplog.records) == 3  # and the outage


async def test_a_hidden_success_is_settled() -> None:
    """A write that was made, but whose answer was lost, is one change and a success."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=SimulatedClock())
    log.hidden = 3
    await put(replica)
    assert revisions(log) == [0, 1]
    assert "a" in replica.state.campaigns


@simulated
async def test_a_hidden_failure_is_sent_again() -> None:
    """A write of which nobody can tell, and that another change overtook, is decided anew."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=SimulatedClock())

    async def overtaken(_: Change) -> None:
        log.appending = None
        log.changes.append(a_change(1, a_campaign("other")))

    log.appending = overtaken
    log.hidden = 1
    await put(replica)
    assert revisions(log) == [0, 1, 2]
    assert sorted(replica.state.campaigns) == ["a", "other"]


@simulated
async def test_an_outcome_that_stays_hidden_is_unknown() -> None:
    """A write that nothing can settle in time ends as `outcome unknown`, not as a failure."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=SimulatedClock())
    log.hidden = 10**6
    started = SimulatedClock().elapsed()
    with pytest.raises(OutcomeUnknown, match="outcome unknown"):
        await put(replica)
    assert SimulatedClock().elapsed() - started <= APPEND_SECONDS + 1
    log.hidden = 0
    await replica.log_replica.follow()
    assert "a" in replica.state.campaigns


@simulated
async def test_a_log_that_goes_away_after_an_unsettled_write_leaves_it_unknown() -> None:
    """Once a write was sent, a log that is away does not mean that nothing was written."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=SimulatedClock())

    async def away(_: Change) -> None:
        log.unavailable = True

    log.appending = away
    log.hidden = 1
    with pytest.raises(OutcomeUnknown):
        await put(replica)


@simulated
async def test_an_append_that_hangs_is_unknown() -> None:
    """A log that never answers a write gets its time, and no more."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=SimulatedClock())

    async def hang(_: Change) -> None:
        await asyncio.get_running_loop().create_future()

    log.appending = hang
    with pytest.raises(OutcomeUnknown):
        await put(replica)


@simulated
async def test_nothing_is_written_while_the_log_is_away() -> None:
    """A log that cannot be read, or refuses the write, is a 503 that says so at once."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=SimulatedClock())
    log.unavailable = True
    with pytest.raises(Unavailable, match="nothing was written"):
        await put(replica)
    log.unavailable = False

    async def refuse(_: Change) -> None:
        raise LogUnavailable("the test")

    log.appending = refuse
    with pytest.raises(Unavailable, match="nothing was written") as caught:
        await put(replica)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert revisions(log) == [0]


@simulated
async def test_a_log_that_hangs_makes_writes_busy() -> None:
    """Reads that never end, and turns that never come, are given up in time: 503."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=SimulatedClock())
    log.hanging = True
    started = SimulatedClock().elapsed()
    results = await asyncio.gather(*(put(replica) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    assert not any(isinstance(result, OutcomeUnknown) for result in results)
    assert SimulatedClock().elapsed() - started <= DECIDE_SECONDS + 1
    log.hanging = False
    await put(replica)


async def test_writes_that_wait_are_bounded() -> None:
    """Past 1,000 writes that wait for their turn the next is refused at once, not for ever."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    async with replica.log_replica.lock:
        waiting = [asyncio.create_task(put(replica, f"{number}")) for number in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="busy"):
            await put(replica, "one more")
        for write in waiting[5:]:
            write.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await put(replica, "later")
    assert revisions(log) == [*range(7)]


@simulated
async def test_a_write_that_always_loses_gives_up() -> None:
    """A replica that is overtaken at every try ends with 503, and has written nothing."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log, clock=SimulatedClock())

    async def overtaken(change: Change) -> None:
        log.changes.append(a_change(change.revision))

    log.appending = overtaken
    with pytest.raises(Unavailable, match="nothing was written"):
        await put(replica)
    assert all(change.actor == "me" and not change.put for change in log.changes)


async def test_a_write_before_the_log_was_read_is_refused() -> None:
    """Until the campaigns are loaded nothing is decided."""
    log = InMemoryLog(a_change(0))
    with pytest.raises(Unavailable, match="not been loaded"):
        await put(a_replica(log))
    assert revisions(log) == [0]


async def test_a_replaced_log_takes_no_writes_until_it_is_renewed() -> None:
    """Writes are refused, a renewal continues the store held here, and all replicas follow it."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")), a_change(2, a_campaign("b")))
    one, other = await a_loaded_replica(log), await a_loaded_replica(log)
    del log.changes[2:]
    for replica in (one, other):
        with pytest.raises(Unavailable, match="renew"):
            await put(replica)
    before = log.prepared
    state = await one.service.renew(actor="anna")
    assert state.renewed_from == (STORE_ID,)
    assert state.store_id != STORE_ID
    assert state.revision == 2
    assert sorted(state.campaigns) == ["a"]
    assert log.prepared > before
    await put(other, "c")
    assert other.state.store_id == state.store_id
    assert sorted(other.state.campaigns) == ["a", "c"]


async def test_an_emptied_log_can_be_renewed() -> None:
    """A log that was dropped is founded anew by the renewal, as a continuation."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")))
    replica = await a_loaded_replica(log)
    log.changes.clear()
    state = await replica.service.renew(actor="anna")
    assert (state.revision, state.renewed_from, dict(state.campaigns)) == (0, (STORE_ID,), {})
    assert (await a_loaded_replica(log)).state == state


async def test_a_whole_log_can_be_renewed() -> None:
    """A renewal of a log that was not replaced keeps its campaigns and their revisions."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")))
    replica = await a_loaded_replica(log)
    before = replica.state
    after = await replica.service.renew(actor="anna")
    assert after.campaigns == before.campaigns
    assert (after.revision, after.renewed_from) == (2, (before.store_id,))


def renewals(log: InMemoryLog) -> list[Change]:
    """Return the changes of a log that name the store that they continue."""
    return [change for change in log.changes if change.renewed_from is not None]


async def test_a_renewal_that_is_repeated_is_one() -> None:
    """A client's retry, at the same replica or another, is answered with the first renewal."""
    log = InMemoryLog(a_change(0), a_change(1), a_change(2))
    one, other = await a_loaded_replica(log), await a_loaded_replica(log)
    del log.changes[1:]
    states = [await replica.service.renew(actor="anna") for replica in (one, one, other, other)]
    assert len(renewals(log)) == 1
    assert states == [states[0]] * 4
    assert other.log_replica.is_authoritative


@simulated
async def test_a_renewal_whose_outcome_was_unknown_is_not_made_twice() -> None:
    """The retry finds what was made, and answers with it."""
    log = InMemoryLog(a_change(0), a_change(1))
    replica = await a_loaded_replica(log, clock=SimulatedClock())
    del log.changes[1:]
    log.hidden = 10**6
    with pytest.raises(OutcomeUnknown):
        await replica.service.renew(actor="anna")
    log.hidden = 0
    state = await replica.service.renew(actor="anna")
    assert [change.store_id for change in renewals(log)] == [state.store_id]


async def test_renewals_of_a_whole_log_at_once_are_one() -> None:
    """Two replicas that are asked at the same time give the log one new store."""
    log = InMemoryLog(a_change(0))
    replicas = [await a_loaded_replica(log) for _ in range(2)]
    states = await asyncio.gather(*(each.service.renew(actor="anna") for each in replicas))
    assert len(renewals(log)) == 1
    assert states[0] == states[1]


async def test_who_missed_two_renewals_adds_none() -> None:
    """A renewal where the first of the log's stores is held is answered with the newest one."""
    log = InMemoryLog(a_change(0), a_change(1), a_change(2))
    one, other = await a_loaded_replica(log), await a_loaded_replica(log)
    del log.changes[1:]
    await one.service.renew(actor="anna")
    await put(one)
    newest = await one.service.renew(actor="anna")
    assert len(renewals(log)) == 2
    assert await other.service.renew(actor="anna") == newest
    assert len(renewals(log)) == 2


async def test_a_restarted_replica_renews_a_log_that_ends_with_a_renewal() -> None:
    """It cannot know whether the log was restored since: an operator who renews it is heard."""
    log = InMemoryLog(a_change(0), a_change(1, store_id=OTHER_STORE_ID, renewed_from=STORE_ID))
    state = await (await a_loaded_replica(log)).service.renew(actor="anna")
    assert state.renewed_from == (OTHER_STORE_ID, STORE_ID)


async def test_a_log_that_was_cut_back_to_its_renewal_is_renewed_again() -> None:
    """A replica that saw the log lose what followed the renewal makes one more store."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    first = await replica.service.renew(actor="anna")
    await put(replica)
    log.changes.pop()
    second = await replica.service.renew(actor="anna")
    assert second.renewed_from[0] == first.store_id


async def test_a_campaign_over_the_limit_is_refused_however_it_comes() -> None:
    """An import, or a patch of a large campaign, makes none that is over 1 MiB."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    half = [f"{number:0250}" for number in range(MAX_CAMPAIGN_BYTES // 2 // 253)]
    await replica.service.put(a_campaign("a", has={"items": half}), ANY, actor="me")
    patch = {"matchers": {"does_not_have": {"items": half}, "has": {"country": half[:99]}}}
    with pytest.raises(TooLarge, match="campaign 'a'"):
        await replica.service.patch("a", patch, ANY, actor="me")
    large = a_campaign("b", has={"items": half * 2})
    with pytest.raises(TooLarge, match="campaign 'b'"):
        await replica.service.replace_all({"b": large}, ANY, actor="me")
    assert revisions(log) == [0, 1]
    assert list(replica.state.campaigns) == ["a"]


async def test_a_snapshot_over_the_limit_is_refused() -> None:
    """The change that would make the snapshot too large is refused; a disabled one is none."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    items = [f"{number:0250}" for number in range(MAX_CAMPAIGN_BYTES // 253 - 2)]
    enough = MAX_SNAPSHOT_BYTES // MAX_CAMPAIGN_BYTES
    for number in range(enough):
        campaign = a_campaign(f"campaign {number}", has={"items": items})
        await replica.service.put(campaign, ANY, actor="me")
    one_more = a_campaign("one more", has={"items": items})
    with pytest.raises(TooLarge, match="snapshot"):
        await replica.service.put(one_more, ANY, actor="me")
    disabled = one_more.model_copy(update={"enabled": False})
    await replica.service.put(disabled, ANY, actor="me")
    with pytest.raises(TooLarge, match="snapshot"):
        await replica.service.patch("one more", {"enabled": True}, ANY, actor="me")
    assert revisions(log) == list(range(enough + 2))


async def test_ended_campaigns_count_until_they_are_archived() -> None:
    """They take room in snapshots until then: the limit holds for what is sent."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    items = [f"{number:0250}" for number in range(MAX_CAMPAIGN_BYTES // 253 - 2)]
    for number in range(MAX_SNAPSHOT_BYTES // MAX_CAMPAIGN_BYTES):
        ended = a_campaign(f"ended {number}", has={"items": items}, end=NOW - timedelta(days=9))
        await replica.service.put(ended, ANY, actor="me")
    one_more = a_campaign("one more", has={"items": items})
    with pytest.raises(TooLarge, match="ended campaigns count until they are archived"):
        await replica.service.put(one_more, ANY, actor="me")
    await replica.commits.write(partial(_archive, NOW), actor="campaign service")
    await replica.service.put(one_more, ANY, actor="me")
    assert list(replica.state.campaigns) == ["one more"]


async def _archive(ended_before: datetime, state: CampaignState) -> ProposedChange | None:
    return archiving(state, ended_before)


def a_large_segment(name: str) -> Segment:
    """Return a segment of nearly 1 MiB."""
    items = [f"{number:0250}" for number in range(MAX_CAMPAIGN_BYTES // 253 - 2)]
    return a_segment(name, has={"items": items})


async def test_segments_count_in_the_snapshot() -> None:
    """The change that would make the snapshot too large is refused, whatever makes it so."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    enough = MAX_SNAPSHOT_BYTES // MAX_CAMPAIGN_BYTES
    for number in range(enough):
        await replica.segments.put(a_large_segment(f"segment {number}"), ANY, actor="me")
    with pytest.raises(TooLarge, match="snapshot of all campaigns and segments"):
        await replica.segments.put(a_large_segment("one more"), ANY, actor="me")
    items = [f"{number:0250}" for number in range(MAX_CAMPAIGN_BYTES // 253 - 2)]
    with pytest.raises(TooLarge, match="snapshot of all campaigns and segments"):
        await replica.service.put(a_campaign(has={"items": items}), ANY, actor="me")
    await replica.segments.delete("segment 0", ANY, actor="me")
    await replica.segments.put(a_large_segment("one more"), ANY, actor="me")


async def test_there_are_a_thousand_segments_at_most() -> None:
    """One more is refused; one that is there may still be changed or deleted."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    listed = {f"segment {number}": a_segment(f"segment {number}") for number in range(MAX_SEGMENTS)}
    await replica.segments.replace_all(listed, ANY, actor="me")
    with pytest.raises(TooLarge, match="more than 1,000 segments"):
        await replica.segments.put(a_segment("one more"), ANY, actor="me")
    await replica.segments.put(a_segment("segment 0", level={"min": 9}), ANY, actor="me")
    await replica.segments.delete("segment 1", ANY, actor="me")
    await replica.segments.put(a_segment("one more"), ANY, actor="me")
    assert len(replica.state.segments) == MAX_SEGMENTS


async def test_a_segment_over_the_limit_is_refused() -> None:
    """It is measured as it is stored, as a campaign is."""
    replica = await a_loaded_replica(InMemoryLog(a_change(0)))
    items = [f"{number:0250}" for number in range(MAX_CAMPAIGN_BYTES // 253 + 1)]
    with pytest.raises(TooLarge, match=r"^segment 's' must not be over 1048576 bytes"):
        await replica.segments.put(a_segment("s", has={"items": items}), ANY, actor="me")


async def test_a_change_over_the_limit_of_the_log_is_refused() -> None:
    """A change that one document cannot hold is refused, and nothing of it is written."""
    log = InMemoryLog(a_change(0))
    replica = await a_loaded_replica(log)
    items = [f"{number:0250}" for number in range(MAX_CAMPAIGN_BYTES // 253 - 2)]
    campaigns = {
        f"campaign {number}": a_campaign(f"campaign {number}", has={"items": items}, enabled=False)
        for number in range(13)
    }
    with pytest.raises(TooLarge, match="log"):
        await replica.service.replace_all(campaigns, ANY, actor="me")
    assert revisions(log) == [0]


class FaultyLog(InMemoryLog):
    """A log whose appends meet one fault after the other, and none after the last."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(a_change(0))
        self._faults = iter(faults)
        self.appending = self._meet

    async def _meet(self, change: Change) -> None:
        fault = next(self._faults, "none")
        if fault == "lost":
            raise AppendUnsettled("the test")
        if fault == "refused":
            raise LogUnavailable("the test")
        if fault == "overtaken" and self.changes[-1].revision < change.revision:
            self.changes.append(a_change(change.revision, id=a_head(1000 + change.revision)))
        self.hidden = fault == "made and hidden"


@given(
    faults=st.lists(
        st.sampled_from(["none", "lost", "refused", "overtaken", "made and hidden"]), max_size=8
    )
)
def test_whatever_happens_an_answer_is_true(faults: list[str]) -> None:
    """Under any order of faults: what succeeded is in the log once, what was refused is not.

    Revisions have no gap, and only an `outcome unknown` leaves both possible.
    """
    outcomes: dict[str, Unavailable | None] = {}
    log = FaultyLog(faults)

    @simulated
    async def run() -> None:
        replica = await a_loaded_replica(log, clock=SimulatedClock())
        for name in ("a", "b", "c", "d"):
            outcomes[name] = None
            try:
                await put(replica, name)
            except Unavailable as error:
                outcomes[name] = error

    run()
    made = [campaign.name for change in log.changes for campaign in change.put]
    assert revisions(log) == list(range(len(log.changes)))
    assert len(made) == len(set(made))
    for name, outcome in outcomes.items():
        if not isinstance(outcome, OutcomeUnknown):
            assert (name in made) is (outcome is None)
