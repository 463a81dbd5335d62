"""Hand-written stand-ins for what the services need from outside."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from campaign_publisher.log.change import (
    MAX_CHANGE_BYTES,
    AppendUnsettled,
    Change,
    ChangeTooLarge,
    Checkpoint,
    LogUnavailable,
)
from campaign_publisher.publishing.publisher import Delivery, PublishFailed
from contracts.profile import MAX_LISTS
from contracts.snapshot import CampaignSnapshot, LogPosition
from contracts.wire import SnapshotEvent
from profile_service.cache.origin import Fetched, OriginUnavailable
from profile_service.messaging.subscription import DeadLetterCounts
from profile_service.profiles.counting import Tally
from profile_service.profiles.lists import BATCH_PLAYERS, ListChange, ReplacementEnded
from profile_service.profiles.outages import StoreOutages
from profile_service.profiles.query import Query
from profile_service.profiles.repository import (
    ActiveCampaignsUpdate,
    Condition,
    Counted,
    FieldChange,
    ProfileDocument,
    ProfilesUnavailable,
    Written,
    kept_of,
    written_document,
)
from testbed.builders import NOW, an_event


class FakeClock:
    """Two clocks that stand still until a test moves them."""

    def __init__(self, now: datetime = NOW) -> None:
        self._started = now
        self._elapsed = 1000.0

    def elapsed(self) -> float:
        return self._elapsed

    def now(self) -> datetime:
        return self._started + timedelta(seconds=self._elapsed - 1000.0)

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass on both clocks."""
        self._elapsed += seconds


class InMemoryLists:
    """PlayerLists of the documents of InMemoryProfiles; `reach` and `write` fail as its do.

    `named` are whom each replacement under way names; `unpreparable` says why the index cannot
    be made.
    """

    def __init__(
        self,
        documents: dict[str, ProfileDocument],
        *,
        reach: Callable[[], Awaitable[None]],
        write: Callable[[], Awaitable[None]],
    ) -> None:
        self.named: dict[str, set[str]] = {}
        self.unpreparable: str | None = None
        self._newest: dict[str, str] = {}
        self._documents = documents
        self._reach = reach
        self._write = write

    async def prepare(self) -> None:
        await self._reach()
        if self.unpreparable is not None:
            raise ProfilesUnavailable(self.unpreparable)

    async def add(self, name: str, player_ids: Collection[str]) -> ListChange:
        await self._write()
        others = self._known(player_ids) - self._members(name)
        full = {each for each in others if len(self._documents[each].get("lists", ())) >= MAX_LISTS}
        for player_id in others - full:
            self._documents[player_id].setdefault("lists", []).append(name)
        return ListChange(
            len(others - full), frozenset(player_ids) - self._known(player_ids), frozenset(full)
        )

    async def remove(self, name: str, player_ids: Collection[str]) -> ListChange:
        await self._write()
        removed = self._members(name).intersection(player_ids)
        for player_id in removed:
            lists = self._documents[player_id]["lists"]
            lists.remove(name)
            if not lists:
                del self._documents[player_id]["lists"]
        return ListChange(len(removed), frozenset(player_ids) - self._known(player_ids))

    async def count(self, name: str) -> int:
        await self._reach()
        return len(self._members(name))

    async def members(self, name: str) -> AsyncGenerator[list[str], None]:
        await self._reach()
        found = sorted(self._members(name))
        for start in range(0, len(found), BATCH_PLAYERS):
            await self._reach()
            yield found[start : start + BATCH_PLAYERS]

    async def begin_replacement(self, name: str) -> str:
        await self._write()
        replacement = f"{len(self.named)} {name}"
        self.named.pop(self._newest.get(name, ""), None)
        self._newest[name] = replacement
        self.named[replacement] = set()
        return replacement

    async def note_named(self, replacement: str, player_ids: Collection[str]) -> None:
        await self._write()
        if replacement not in self.named:
            raise ReplacementEnded
        self.named[replacement].update(player_ids)

    async def unnamed(self, replacement: str, player_ids: Collection[str]) -> list[str]:
        await self._reach()
        if replacement not in self.named:
            raise ReplacementEnded
        return [each for each in player_ids if each not in self.named[replacement]]

    async def end_replacement(self, name: str, replacement: str) -> None:
        await self._write()
        self.named.pop(replacement, None)
        if self._newest.get(name) == replacement:
            del self._newest[name]

    def _known(self, player_ids: Collection[str]) -> set[str]:
        return {each for each in player_ids if each in self._documents}

    def _members(self, name: str) -> set[str]:
        return {each for each, held in self._documents.items() if name in held.get("lists", ())}


class InMemoryProfiles:
    """A ProfileRepository in a dictionary.

    While `unavailable` every call fails; while `hanging` none ever answers. The ids in
    `taken` cannot be written, as another document holds them; `unpreparable` says why the
    index cannot be made, `unwritable` why no write can.
    """

    def __init__(self, *profiles: ProfileDocument) -> None:
        self.documents = {profile["player_id"]: deepcopy(profile) for profile in profiles}
        self.duplicates: list[str] = []
        self.taken: set[str] = set()
        self.unpreparable: str | None = None
        self.unavailable = False
        self.hanging = False
        self.unwritable: str | None = None
        self.outages = StoreOutages()
        self.lists = InMemoryLists(self.documents, reach=self._reach, write=self._write)
        self.pings = 0
        self.updates: list[ActiveCampaignsUpdate] = []
        self.counts: list[Query] = []

    async def get(self, player_id: str) -> ProfileDocument | None:
        return (await self.get_many([player_id])).get(player_id)

    async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
        await self._reach()
        return {
            player_id: {k: deepcopy(v) for k, v in self.documents[player_id].items() if k != "_id"}
            for player_id in player_ids
            if player_id in self.documents
        }

    async def put(self, profiles: Sequence[ProfileDocument]) -> Written:
        await self._write()
        return self._put(profiles)

    def _put(self, profiles: Sequence[ProfileDocument]) -> Written:
        conflicts = self.taken & {profile["player_id"] for profile in profiles}
        writable = [profile for profile in profiles if profile["player_id"] not in conflicts]
        created = 0
        kept: dict[str, ProfileDocument] = {}
        for profile in writable:
            player_id = profile["player_id"]
            stored = self.documents.get(player_id)
            created += stored is None
            kept[player_id] = deepcopy(kept_of(stored or {}))
            self.documents[player_id] = deepcopy(written_document(profile, kept[player_id]))
        return Written(created, len(writable) - created, frozenset(conflicts), kept=kept)

    async def put_if(self, profile: ProfileDocument, condition: Condition) -> Written:
        await self._write()
        condition(deepcopy(self.documents.get(profile["player_id"])))
        return self._put([profile])

    async def delete(self, player_id: str) -> bool:
        await self._write()
        return self.documents.pop(player_id, None) is not None

    async def delete_if(self, player_id: str, condition: Condition) -> bool:
        await self._write()
        condition(deepcopy(self.documents.get(player_id)))
        return self.documents.pop(player_id, None) is not None

    async def change_overrides(self, player_id: str, change: FieldChange) -> bool:
        await self._write()
        stored = self.documents.get(player_id)
        if stored is None:
            return False
        changed = change(deepcopy(stored.get("overrides")))
        stored.pop("overrides", None)
        if changed:
            stored["overrides"] = changed
        return True

    async def update_active_campaigns(self, updates: Sequence[ActiveCampaignsUpdate]) -> int:
        await self._write()
        self.updates += updates
        return sum(self._update(each) for each in updates)

    async def count(self, query: Query, *, seconds: float, sample: int) -> Counted:
        self.counts.append(query)
        await self._reach()
        tally = Tally(query, most=sample)
        until = asyncio.get_running_loop().time() + seconds
        is_exact = await tally.judge(deepcopy([*self.documents.values()]), until=until)
        return Counted(tally.matching, len(self.documents), tally.sample, is_exact)

    async def ping(self) -> None:
        self.pings += 1
        await self._reach()

    async def prepare(self) -> list[str]:
        await self._reach()
        if self.unpreparable is not None:
            raise ProfilesUnavailable(self.unpreparable)
        return list(self.duplicates)

    def _update(self, update: ActiveCampaignsUpdate) -> bool:
        stored = self.documents.get(update.player_id)
        if stored is None or stored.get("active_campaigns") != update.read:
            return False
        if any(stored.get(field) != value for field, value in update.decided_on.items()):
            return False
        stored["active_campaigns"] = list(update.active_campaigns)
        return True

    async def _write(self) -> None:
        with self.outages.writes.watching(ProfilesUnavailable):
            await self._reach()
            if self.unwritable is not None:
                raise ProfilesUnavailable(self.unwritable)

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self.hanging:
            await asyncio.get_running_loop().create_future()
        if self.unavailable:
            raise ProfilesUnavailable("the test has switched it off")


class FakeOrigin:
    """An Origin that serves `snapshot`, and answers as `GET /snapshot` does.

    Without a snapshot it is unavailable. `error` is raised and `answer` given in place of
    everything else; while `hanging` a fetch never ends; `seconds` is how long each takes,
    and `log_age` how long ago the origin has read its log.
    """

    def __init__(self, snapshot: CampaignSnapshot | None = None) -> None:
        self.snapshot = snapshot
        self.error: Exception | None = None
        self.answer: Fetched | None = None
        self.hanging = False
        self.seconds = 0.0
        self.log_age = 0.0
        self.asked: list[LogPosition | None] = []
        self.in_flight = 0
        self.most_in_flight = 0

    async def fetch(self, held: LogPosition | None) -> Fetched:
        self.asked.append(held)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            # What is served is decided when the question arrives, and may be old news by
            # the time its answer is read.
            snapshot, error, answer = self.snapshot, self.error, self.answer
            await asyncio.sleep(self.seconds)
            if self.hanging:
                await asyncio.get_running_loop().create_future()
        finally:
            self.in_flight -= 1
        if error is not None:
            raise error
        if answer is not None:
            return answer
        if snapshot is None:
            raise OriginUnavailable("the test serves nothing")
        return fetched(snapshot, held, log_age=self.log_age)


def fetched(snapshot: CampaignSnapshot, held: LogPosition | None = None, **fields: Any) -> Fetched:
    """Return the answer to a request that holds `held`: the ETag is that of store and revision."""
    is_held = held is not None and (held.store_id, held.revision) == (
        snapshot.store_id,
        snapshot.revision,
    )
    return Fetched(event_of(snapshot, **fields), None if is_held else body_of(snapshot))


def event_of(snapshot: CampaignSnapshot, **fields: Any) -> SnapshotEvent:
    """Return the headers that go with a snapshot."""
    return an_event(
        **{
            "store_id": snapshot.store_id,
            "revision": snapshot.revision,
            "head": snapshot.head,
            **fields,
        }
    )


def body_of(snapshot: CampaignSnapshot) -> bytes:
    """Return the bytes of a snapshot as they travel."""
    return snapshot.model_dump_json(by_alias=True).encode()


class FakeSubscription:
    """A Subscription that counts how often it was started anew."""

    def __init__(self, *, is_up: bool = True) -> None:
        self.is_up = is_up
        self.dead_letters = DeadLetterCounts()
        self.restarts = 0

    def restart(self) -> None:
        self.restarts += 1


@dataclass(frozen=True)
class DeadLetter:
    """An unreadable event, with the reason."""

    body: bytes
    reason: str
    message_id: str | None


class FakeDeadLetters:
    """DeadLetters that keeps all it is given."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def publish(self, body: bytes, *, reason: str, message_id: str | None) -> None:
        self.letters.append(DeadLetter(body, reason, message_id))


class InMemoryLog:
    """A ChangeLog in a list, held to the same contract as the real ones.

    While `unavailable` every call fails; while `hanging` none ever answers. `appending` is
    called before each append, and may raise, wait or append something itself; the next
    `hidden` appends are made, and fail as if the outcome were unknown. While `deposed` it
    answers as a primary that does not know yet that it is none; the next `late` reads are
    answered by such a primary, which lacks the newest change, and all else by the new one.
    `confirmations` counts the reads that only a primary can answer.
    """

    def __init__(self, *changes: Change) -> None:
        self.changes = list(changes)
        self.checkpoints: list[Checkpoint] = []
        self.unavailable = False
        self.hanging = False
        self.hidden: int = 0
        self.deposed = False
        self.appending: Callable[[Change], Awaitable[None]] | None = None
        self.reads: list[int] = []
        self.late: int = 0
        self.confirmations = 0
        self.prepared = 0

    async def read(self, first: int) -> AsyncGenerator[Change, None]:
        self.reads.append(first)
        await self._reach()
        shown = self.changes[:-1] if self.late else self.changes
        self.late = max(0, self.late - 1)
        for change in list(shown):
            if change.revision >= first:
                yield change

    async def holds(self, revision: int, change_id: UUID) -> bool:
        await self._reach()
        return (revision, change_id) in {(each.revision, each.id) for each in self.changes}

    async def is_free(self, revision: int) -> bool:
        self.confirmations += 1
        await self._reach()
        if self.deposed:
            raise LogUnavailable("the test has deposed the server")
        return revision not in {each.revision for each in self.changes}

    async def newest_store(self) -> int:
        await self._reach()
        return max((each.revision for each in self.changes if each.store_id), default=0)

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
    while `deserted` messages are delivered to no queue.
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
    ) -> Delivery:
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
            return Delivery.UNROUTED
        return Delivery.ROUTED

    def fail(self) -> None:
        """Confirm nothing from now on."""
        self.error = PublishFailed("the test has switched it off")
