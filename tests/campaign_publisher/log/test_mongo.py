"""The contract of every ChangeLog: MongoDB over both drivers, SQLite, and the tests' own."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from pymongo import ReadPreference
from pymongo.read_concern import ReadConcern

from campaign_publisher.campaigns.commits import Committer
from campaign_publisher.log import mongo_checkpoints as checkpoints
from campaign_publisher.log.change import (
    MAX_CHANGE_BYTES,
    AppendUnsettled,
    Change,
    ChangeLog,
    ChangeTooLarge,
    Checkpoint,
    LogUnavailable,
)
from campaign_publisher.log.checkpoints import Checkpointer, to_checkpoint
from campaign_publisher.log.documents import to_document
from campaign_publisher.log.mongo import MongoChangeLog
from campaign_publisher.log.replica import LogReplica
from campaign_publisher.log.state import EMPTY, fold
from campaign_publisher.segment_service import SegmentService
from campaign_publisher.service import CampaignService
from campaign_publisher.settings import Settings
from contracts.campaign import Campaign
from contracts.segment import Segment
from devstack.sqlite_log import open_sqlite_log
from foundation.clock import SystemClock
from foundation.mongo import Database, mongo_database
from foundation.preconditions import Preconditions
from foundation.settings import MongoDriver
from testbed import servers
from testbed.builders import a_campaign, a_head, golden
from testbed.fakes import InMemoryLog
from testbed.servers import MongoNode
from tests import strategies
from tests.campaign_publisher.replicas import POLL, Replica, a_change, a_replica

SQLITE = "sqlite"
MEMORY = "memory"

OpenLog = Callable[[], AbstractAsyncContextManager[ChangeLog]]


def open_database(
    driver: str, url: str, database: str, *, seconds: float = 10.0
) -> AbstractAsyncContextManager[Database]:
    """Open a database as the service does, with one of the drivers."""
    known = Settings(
        mongo_url=SecretStr(url), mongo_database=database, mongo_driver=MongoDriver(driver)
    )
    return mongo_database(known, seconds=seconds, app_name="test")


@pytest.fixture(params=[*MongoDriver])
async def mongo(
    request: pytest.FixtureRequest, mongo_url: str, mongo_database: str
) -> AsyncIterator[Database]:
    """An empty database, over each driver."""
    async with open_database(request.param, mongo_url, mongo_database) as database:
        yield database


@pytest.fixture(params=[*MongoDriver, SQLITE, MEMORY])
def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> OpenLog:
    """Open one store again and again, each time as another replica does."""
    if request.param == SQLITE:
        return lambda: open_sqlite_log(tmp_path / "log.sqlite")
    if request.param == MEMORY:
        memory = InMemoryLog()
        return lambda: _given(memory)
    url, name = (request.getfixturevalue(each) for each in ("mongo_url", "mongo_database"))
    return lambda: _open_mongo_log(request.param, url, name)


@asynccontextmanager
async def _given(log: ChangeLog) -> AsyncIterator[ChangeLog]:
    yield log


@asynccontextmanager
async def _open_mongo_log(driver: str, url: str, name: str) -> AsyncIterator[ChangeLog]:
    async with open_database(driver, url, name) as database:
        yield MongoChangeLog(database)


@pytest.fixture
async def log(open_log: OpenLog) -> AsyncIterator[ChangeLog]:
    """An empty log, ready for use, in each store."""
    async with open_log() as log:
        await log.prepare()
        yield log


async def changes_of(log: ChangeLog, first: int = 0) -> list[Change]:
    """Return all changes of a log from a revision on."""
    return [change async for change in log.read(first)]


async def test_an_empty_log(log: ChangeLog) -> None:
    """An empty log has no changes, no newest one and no checkpoint."""
    assert await changes_of(log) == []
    assert await log.newest() is None
    assert await log.newest_checkpoint() is None


async def test_changes_come_back_in_order(log: ChangeLog, open_log: OpenLog) -> None:
    """Committed changes are read from any revision on, here and by another replica."""
    changes = [a_change(0), a_change(1, a_campaign("Summer Event")), a_change(2, deleted=["x"])]
    assert [await log.append(change) for change in changes] == [True] * 3
    async with open_log() as other:
        for each in (log, other):
            assert await changes_of(each) == changes
            assert await changes_of(each, first=2) == changes[2:]
            assert await changes_of(each, first=3) == []
            assert await each.newest() == changes[2]


async def test_a_long_log_is_read_whole(log: ChangeLog) -> None:
    """A log that is longer than the pages a store reads has no gap."""
    for revision in range(250):
        await log.append(a_change(revision))
    assert [change.revision for change in await changes_of(log, first=1)] == list(range(1, 250))


REVISIONS = count()


# The examples share a log on purpose: each is one more change of it.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    campaigns=st.lists(strategies.campaigns(), max_size=3),
    deleted=st.lists(strategies.keys(), max_size=2),
    segments=st.lists(strategies.segments(), max_size=3),
    store_id=st.none() | st.uuids(),
)
async def test_any_change_comes_back_as_it_was(
    log: ChangeLog,
    campaigns: list[Campaign],
    deleted: list[str],
    segments: list[Segment],
    store_id: Any,
) -> None:
    """All fields of a change come back equal, microseconds included."""
    change = a_change(
        next(REVISIONS),
        *campaigns,
        id=uuid4(),
        deleted=deleted,
        store_id=store_id,
        put_segments=segments,
        deleted_segments=deleted,
    )
    assert await log.append(change)
    assert await log.newest() == change
    assert await changes_of(log, first=change.revision) == [change]


async def test_one_of_many_wins_a_revision(log: ChangeLog, open_log: OpenLog) -> None:
    """Of changes that are appended at once to one revision, by two replicas, one is kept."""
    async with open_log() as other:
        rivals = [a_change(0, id=uuid4()) for _ in range(20)]
        won = await asyncio.gather(
            *((log, other)[number % 2].append(change) for number, change in enumerate(rivals))
        )
        winners = [change for change, success in zip(rivals, won, strict=True) if success]
        assert await changes_of(log) == await changes_of(other) == winners
        assert len(winners) == 1


async def test_repeating_an_append_changes_nothing(log: ChangeLog, open_log: OpenLog) -> None:
    """Appending a change again is a success, and the log keeps the first one's content."""
    assert await log.append(a_change(0, actor="first"))
    async with open_log() as other:
        for each in (log, other):
            assert await each.append(a_change(0, actor="second"))
    assert [change.actor for change in await changes_of(log)] == ["first"]


async def test_a_revision_that_is_taken_stays_so(log: ChangeLog) -> None:
    """A later change of another id is refused, and does not touch the one that is there."""
    first = a_change(0, actor="first")
    await log.append(first)
    assert not await log.append(a_change(0, id=uuid4(), actor="second"))
    assert await changes_of(log) == [first]


async def test_a_change_over_the_limit_is_refused(log: ChangeLog) -> None:
    """A change whose document is over 12 MiB is refused; one just under it is kept."""
    with pytest.raises(ChangeTooLarge):
        await log.append(a_change(0, actor="x" * MAX_CHANGE_BYTES))
    assert await log.newest() is None
    large = a_change(0, actor="x" * (MAX_CHANGE_BYTES - 1000))
    assert await log.append(large)
    assert await log.newest() == large


async def test_the_newest_checkpoint_of_this_log_is_given(log: ChangeLog) -> None:
    """A checkpoint counts only while the log holds its head, at its revision."""
    for revision in range(4):
        await log.append(a_change(revision))
    good = Checkpoint(revision=1, head=a_head(1), state=b"good")
    await log.save_checkpoint(Checkpoint(revision=0, head=a_head(0), state=b"old"))
    await log.save_checkpoint(good)
    await log.save_checkpoint(Checkpoint(revision=9, head=uuid4(), state=b"parted"))
    assert await log.newest_checkpoint() == good
    newest = Checkpoint(revision=3, head=a_head(3), state=b"newest")
    await log.save_checkpoint(newest)
    assert await log.newest_checkpoint() == newest


async def test_a_checkpoint_may_be_kept_again(log: ChangeLog, open_log: OpenLog) -> None:
    """Two replicas that keep the same one at once keep it."""
    await log.append(a_change(0))
    checkpoint = Checkpoint(revision=0, head=a_head(0), state=b"x" * 1000)
    async with open_log() as other:
        await asyncio.gather(*(each.save_checkpoint(checkpoint) for each in (log, other) * 3))
        assert await other.newest_checkpoint() == checkpoint


async def test_a_checkpoint_over_a_documents_size(log: ChangeLog) -> None:
    """A state of any size is kept byte for byte."""
    await log.append(a_change(0))
    state = bytes(range(256)) * (2 * checkpoints.CHUNK_BYTES // 256) + b"the rest"
    checkpoint = Checkpoint(revision=0, head=a_head(0), state=state)
    await log.save_checkpoint(checkpoint)
    assert await log.newest_checkpoint() == checkpoint


async def test_preparing_twice_does_no_harm(log: ChangeLog) -> None:
    """The changes that are there stay."""
    await log.append(a_change(0))
    await log.prepare()
    assert await changes_of(log) == [a_change(0)]


def a_real_replica(log: ChangeLog, *, every: int = 50) -> Replica:
    """Return a replica as the service makes it."""
    checkpointer = Checkpointer(log, every=every)
    clock = SystemClock()
    log_replica = LogReplica(log, clock=clock, poll_interval=POLL, checkpointer=checkpointer)
    commits = Committer(log_replica, clock=clock)
    service, segments = CampaignService(log_replica, commits), SegmentService(log_replica, commits)
    return Replica(log_replica, service, commits, checkpointer, segments)


async def test_two_replicas_and_two_hundred_writes(open_log: OpenLog) -> None:
    """Every acknowledged write is in the log, revisions have no gap, both replicas end equal.

    So does a third one, which starts afterwards from whatever checkpoint there is.
    """
    async with AsyncExitStack() as stack:
        logs = [await stack.enter_async_context(open_log()) for _ in range(3)]
        replicas = [a_real_replica(log) for log in logs]
        await replicas[0].log_replica.load()
        await replicas[1].log_replica.load()

        async def write(number: int) -> str:
            # Half of them are about campaigns that others write, too.
            name = f"campaign {number if number % 2 else number % 10}"
            campaign = a_campaign(name, priority=number)
            found = await replicas[number // 2 % 2].service.put(
                campaign, Preconditions(), actor=str(number)
            )
            return found.etag

        etags = await asyncio.gather(*(write(number) for number in range(200)))
        changes = await changes_of(logs[2])
        assert [change.revision for change in changes] == list(range(201))
        assert {change.actor for change in changes[1:]} == {str(n) for n in range(200)}
        written = {change.actor: change for change in changes[1:]}
        store_id = changes[0].store_id
        for number, etag in enumerate(etags):
            assert etag == f'"{store_id}-{written[str(number)].revision}"'
            assert written[str(number)].put[0].priority == number
        await logs[2].save_checkpoint(await _checkpoint_at(logs[2], 150))
        await replicas[2].log_replica.load()
        for replica in replicas:
            await replica.log_replica.follow()
        assert replicas[0].state == replicas[1].state == replicas[2].state
        assert len(replicas[0].state.campaigns) == 105


async def _checkpoint_at(log: ChangeLog, revision: int) -> Checkpoint:
    return to_checkpoint(await fold(EMPTY, (await changes_of(log))[: revision + 1]))


WEAK_OPTIONS = "readConcernLevel=local"


@pytest.mark.parametrize("driver", MongoDriver)
async def test_whatever_the_url_says_writes_are_durable(driver: str) -> None:
    """Writes wait for a journalled majority, and reads go to the primary."""
    url = f"mongodb://127.0.0.1:{servers.free_port()}/?{WEAK_OPTIONS}"
    async with open_database(driver, url, "nowhere") as database:
        log = MongoChangeLog(database)
        for collection in (log._changes, log._checkpoints._chunks):  # noqa: SLF001
            assert collection.write_concern.document == {"w": "majority", "j": True}
            assert collection.read_preference == ReadPreference.PRIMARY
            assert collection.read_concern == ReadConcern("majority")


async def test_a_revision_is_the_key_of_its_document(mongo: Database) -> None:
    """No index has to be made, kept or restored for revisions to be unique."""
    log = MongoChangeLog(mongo)
    await log.prepare()
    assert await log.append(a_change(0))
    assert not await log.append(a_change(0, id=uuid4()))
    [document] = await mongo["campaign_changes"].find().to_list()
    assert (document["_id"], document["id"]) == (0, str(a_head(0)))
    assert list(await mongo["campaign_changes"].index_information()) == ["_id_"]


async def test_a_log_of_the_earlier_form_is_refused(mongo: Database) -> None:
    """A log whose keys were ids is named, and neither read nor written."""
    earlier = {"_id": str(a_head(0)), "revision": 0, "op": "found", "actor": "me"}
    await mongo["campaign_changes"].insert_one(earlier)
    with pytest.raises(LogUnavailable, match="earlier form"):
        await a_replica(MongoChangeLog(mongo)).log_replica.load()
    assert await mongo["campaign_changes"].find().to_list() == [earlier]


async def test_the_index_of_the_earlier_form_is_refused(mongo: Database) -> None:
    """A collection that was only emptied would let in a single change: it is named."""
    await mongo["campaign_changes"].create_index("revision", unique=True)
    with pytest.raises(LogUnavailable, match="revision_1"):
        await a_replica(MongoChangeLog(mongo)).log_replica.load()
    await mongo["campaign_changes"].drop_index("revision_1")
    await a_replica(MongoChangeLog(mongo)).log_replica.load()


async def test_an_error_of_a_document_shows_none_of_its_values(mongo: Database) -> None:
    """Health answers show why a change cannot be read: the field, and no value."""
    log = MongoChangeLog(mongo)
    await log.append(a_change(0))
    await mongo["campaign_changes"].update_one({"_id": 0}, {"$set": {"actor": ["hush"]}})
    with pytest.raises(LogUnavailable, match=r"^change 0 cannot be read: actor: ") as caught:
        await log.newest()
    assert "hush" not in str(caught.value)


async def test_a_change_of_a_later_version_loses_nothing(mongo: Database) -> None:
    """Unknown keys, operations and matchers are read, kept and folded."""
    log = MongoChangeLog(mongo)
    later = golden("later_change")
    await log.append(a_change(0))
    await mongo["campaign_changes"].insert_one({"_id": later.pop("revision"), **later})
    [change] = await changes_of(log, first=1)
    assert await to_document(change) == golden("later_change")


BROKEN: dict[str, dict[str, Any]] = {
    "a bad campaign": {"put": [{"name": "a"}]},
    "an unknown key that is no JSON": {"ticket": ObjectId()},
    "an unknown key of a campaign that is no JSON": {
        "put": [{"game": "g", "name": "a", "colour": [ObjectId()]}]
    },
    "unknown matchers that are no JSON": {
        "put": [{"game": "g", "name": "a", "matchers": {"xp": b"1"}}]
    },
    "no list": {"put": 5},
    "no list of segments": {"put_segments": {}},
    "a bad segment": {"put_segments": [{"name": "whales"}]},
    "no date": {"at": 5},
}


@pytest.mark.parametrize("fields", BROKEN.values(), ids=BROKEN.keys())
async def test_a_document_that_is_no_change(mongo: Database, fields: dict[str, Any]) -> None:
    """A document that is no change makes the log unavailable, and is no other error."""
    log = MongoChangeLog(mongo)
    await log.prepare()
    await log.append(a_change(0))
    await mongo["campaign_changes"].update_one({"_id": 0}, {"$set": fields})
    other = MongoChangeLog(mongo)
    with pytest.raises(LogUnavailable):
        await changes_of(other)
    with pytest.raises(LogUnavailable):
        await other.newest()


async def test_a_checkpoint_with_a_missing_chunk_is_not_given(mongo: Database) -> None:
    """Half a checkpoint is none: the one before it is given."""
    log = MongoChangeLog(mongo)
    await log.prepare()
    for revision in range(2):
        await log.append(a_change(revision))
        state = b"x" * (checkpoints.CHUNK_BYTES + 1)
        await log.save_checkpoint(Checkpoint(revision=revision, head=a_head(revision), state=state))
    await mongo["campaign_checkpoints"].delete_one({"revision": 1, "index": 1})
    found = await log.newest_checkpoint()
    assert found is not None
    assert found.revision == 0


async def _with_checkpoints(mongo: Database, number: int) -> MongoChangeLog:
    """Return a log of `number` changes, with a checkpoint after each."""
    log = MongoChangeLog(mongo)
    await log.prepare()
    for revision in range(number):
        await log.append(a_change(revision))
        await log.save_checkpoint(
            Checkpoint(revision=revision, head=a_head(revision), state=b"state")
        )
    return log


@pytest.mark.parametrize("field", ["head", "revision", "chunks", "state"])
@pytest.mark.parametrize("fault", [{"$unset": 1}, {"$set": "x"}, {"$set": -1}, {"$set": None}])
async def test_a_chunk_that_is_none_makes_no_checkpoint(
    mongo: Database, field: str, fault: dict[str, Any]
) -> None:
    """A document that lacks a field, or has another type there, costs its own checkpoint only."""
    log = await _with_checkpoints(mongo, 2)
    [(operator, value)] = fault.items()
    await mongo["campaign_checkpoints"].update_one(
        {"_id": f"{a_head(1)}:0"}, {operator: {field: value}}
    )
    found = await log.newest_checkpoint()
    assert found is not None
    assert found.revision == 0
    await log.append(a_change(2))
    newest = Checkpoint(revision=2, head=a_head(2), state=b"state")
    await log.save_checkpoint(newest)
    assert await log.newest_checkpoint() == newest


async def test_a_revision_that_the_shell_wrote_is_one(mongo: Database) -> None:
    """MongoDB's shell writes numbers as doubles: the checkpoint is the same."""
    log = MongoChangeLog(mongo)
    await log.prepare()
    await log.append(a_change(0))
    checkpoint = Checkpoint(revision=0, head=a_head(0), state=b"state")
    await log.save_checkpoint(checkpoint)
    await mongo["campaign_checkpoints"].update_one({}, {"$set": {"revision": 0.0, "chunks": 1.0}})
    assert await log.newest_checkpoint() == checkpoint


async def test_old_checkpoints_are_forgotten(mongo: Database) -> None:
    """The newest two are kept, in whatever number of chunks."""
    await _with_checkpoints(mongo, 5)
    kept = await mongo["campaign_checkpoints"].distinct("revision")
    assert sorted(kept) == [3, 4]


async def _read_all(log: ChangeLog) -> None:
    await changes_of(log)


CALLS: dict[str, Callable[[ChangeLog], Awaitable[object]]] = {
    "read": _read_all,
    "newest": lambda log: log.newest(),
    "append": lambda log: log.append(a_change(0)),
    "newest_checkpoint": lambda log: log.newest_checkpoint(),
    "save_checkpoint": lambda log: log.save_checkpoint(
        Checkpoint(revision=0, head=a_head(0), state=b"{}")
    ),
    "prepare": lambda log: log.prepare(),
}


# PyMongo's async client leaves a socket open when it is closed in the middle of a connect.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("driver", MongoDriver)
@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_away(driver: str, call: str) -> None:
    """Each operation on a server that is away ends in time, and was certainly not done."""

    async def ask() -> type[Exception] | None:
        url = f"mongodb://127.0.0.1:{servers.free_port()}"
        async with open_database(driver, url, "nowhere", seconds=0.2) as database:
            async with asyncio.timeout(5.0):
                try:
                    await CALLS[call](MongoChangeLog(database))
                except LogUnavailable as error:
                    return type(error)
        return None

    # Not AppendUnsettled, which it is a base of.
    assert asyncio.run(ask()) is LogUnavailable
    # A connection that was left open warns here and not in another test.
    gc.collect()


@pytest.mark.parametrize("driver", MongoDriver)
async def test_a_server_that_hangs_in_the_middle(driver: str, mongo_node: MongoNode) -> None:
    """An insert without an answer may have been made; sent again it is one change, and ours."""
    database_name = f"test-{uuid4().hex}"
    async with open_database(driver, mongo_node.url, database_name, seconds=1.0) as database:
        log = MongoChangeLog(database)
        await log.prepare()
        await log.append(a_change(0))
        mongo_node.suspend()
        try:
            async with asyncio.timeout(5.0):
                with pytest.raises(AppendUnsettled):
                    await log.append(a_change(1))
        finally:
            mongo_node.resume()
        assert await _until_settled(log, a_change(1))
        assert not await _until_settled(log, a_change(1, id=uuid4()))
        assert await changes_of(log) == [a_change(0), a_change(1)]
    servers.drop_database(mongo_node.url, database_name)


async def _until_settled(log: ChangeLog, change: Change) -> bool:
    """Append until the outcome is known, as a commit does."""
    async with asyncio.timeout(10.0):
        while True:
            try:
                return await log.append(change)
            except LogUnavailable:
                await asyncio.sleep(0.05)
