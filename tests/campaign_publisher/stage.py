"""The campaign service's parts on a log in memory: replicas of it, and what they publish to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from campaign_publisher.changes import (
    MAX_CHANGE_BYTES,
    AppendUnsettled,
    Change,
    ChangeTooLarge,
    Checkpoint,
    LogUnavailable,
    Operation,
)
from campaign_publisher.checkpointer import Checkpointer
from campaign_publisher.commits import Commits
from campaign_publisher.ledger import Ledger
from campaign_publisher.publisher import NobodyListens, PublishFailed
from campaign_publisher.service import CampaignService
from campaign_publisher.state import UNFOUNDED, CampaignState, fold
from contracts.campaign import Campaign
from contracts.wire import SnapshotEvent
from foundation.clock import Clock
from tests.builders import NOW, STORE_ID, a_head
from tests.fakes import FakeClock

POLL = timedelta(seconds=1)
CHECKPOINT_EVERY = 500


class InMemoryLog:
    """A ChangeLog in a list, held to the same contract as the real ones.

    While `unavailable` every call fails; while `hanging` none ever answers. `appending` is
    called before each append, and may raise, wait or append something itself; the next
    `hidden` appends are made, and fail as if nobody could tell.
    """

    def __init__(self, *changes: Change) -> None:
        self.changes = list(changes)
        self.checkpoints: list[Checkpoint] = []
        self.unavailable = False
        self.hanging = False
        self.hidden: int = 0
        self.appending: Callable[[Change], Awaitable[None]] | None = None
        self.reads: list[int] = []
        self.prepared = 0

    async def read(self, first: int) -> AsyncIterator[Change]:
        self.reads.append(first)
        await self._reach()
        for change in list(self.changes):
            if change.revision >= first:
                yield change

    async def newest(self) -> Change | None:
        await self._reach()
        return self.changes[-1] if self.changes else None

    async def append(self, change: Change) -> bool:
        await self._reach()
        if self.appending is not None:
            await self.appending(change)
        if len(change.model_dump_json().encode()) > MAX_CHANGE_BYTES:
            raise ChangeTooLarge("the test's limit")
        held = {each.revision: each.id for each in self.changes}.get(change.revision)
        if held is None:
            self.changes.append(change)
        if self.hidden:
            self.hidden -= 1
            raise AppendUnsettled("the test hides it")
        return held in {None, change.id}

    async def newest_checkpoint(self) -> Checkpoint | None:
        await self._reach()
        places = {(change.revision, change.id) for change in self.changes}
        usable = [each for each in self.checkpoints if (each.revision, each.head) in places]
        return usable[-1] if usable else None

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        await self._reach()
        others = [each for each in self.checkpoints if each.head != checkpoint.head]
        self.checkpoints = sorted([*others, checkpoint], key=lambda each: each.revision)[-2:]

    async def prepare(self) -> None:
        self.prepared += 1
        await self._reach()

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self.hanging:
            await asyncio.get_running_loop().create_future()
        if self.unavailable:
            raise LogUnavailable("the test has switched it off")


@dataclass(frozen=True)
class Sent:
    """A message as the channel was given it."""

    event: SnapshotEvent
    body: bytes
    message_type: str
    message_id: str


class FakeChannel:
    """A SnapshotChannel that keeps what it is sent.

    `error` is raised in place of sending; while `hanging` nothing is ever confirmed, and
    while `deserted` what is sent goes to nobody.
    `sending` is called while a message is on its way.
    """

    def __init__(self) -> None:
        self.is_up = True
        self.sent: list[Sent] = []
        self.tries = 0
        self.error: BaseException | None = None
        self.hanging = False
        self.deserted = False
        self.sending: Callable[[], Awaitable[None]] | None = None

    async def publish(
        self, body: bytes, *, headers: dict[str, str], message_type: str, message_id: str
    ) -> None:
        self.tries += 1
        await asyncio.sleep(0)
        if self.hanging:
            await asyncio.get_running_loop().create_future()
        if self.error is not None:
            raise self.error
        if self.sending is not None:
            await self.sending()
        self.sent.append(Sent(SnapshotEvent.from_headers(headers), body, message_type, message_id))
        if self.deserted:
            raise NobodyListens

    def fail(self) -> None:
        """Confirm nothing from now on."""
        self.error = PublishFailed("the test has switched it off")


@dataclass(frozen=True)
class Replica:
    """One campaign service without HTTP."""

    ledger: Ledger
    service: CampaignService
    commits: Commits
    checkpointer: Checkpointer

    @property
    def state(self) -> CampaignState:
        """What it holds."""
        return self.ledger.state


def a_replica(
    log: InMemoryLog, *, clock: Clock | None = None, every: int = CHECKPOINT_EVERY
) -> Replica:
    """Give a replica that has not read the log yet."""
    clock = clock or FakeClock()
    checkpointer = Checkpointer(log, every=every)
    ledger = Ledger(log, clock=clock, poll_interval=POLL, checkpointer=checkpointer)
    commits = Commits(ledger, clock=clock)
    return Replica(ledger, CampaignService(ledger, commits), commits, checkpointer)


async def a_loaded_replica(log: InMemoryLog, *, clock: Clock | None = None) -> Replica:
    """Give a replica that has read the log, or founded it."""
    replica = a_replica(log, clock=clock)
    await replica.ledger.load()
    return replica


def a_change(
    revision: int,
    *put: Campaign,
    id: UUID | None = None,  # noqa: A002 - it is the field's name
    actor: str = "me",
    deleted: Iterable[str] = (),
    store_id: UUID | None = None,
    renewed_from: UUID | None = None,
) -> Change:
    """Give a change that puts campaigns; without an id it has the one of its revision."""
    return Change(
        revision=revision,
        id=id or a_head(revision),
        at=NOW,
        actor=actor,
        op=Operation.PUT,
        put=put,
        deleted=tuple(deleted),
        store_id=store_id or (None if revision else STORE_ID),
        renewed_from=renewed_from,
    )


async def a_state(*campaigns: Campaign) -> CampaignState:
    """Give the state of a log whose only change after its founding puts campaigns."""
    return await fold(UNFOUNDED, [a_change(0), a_change(1, *campaigns)])
