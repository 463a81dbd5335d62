"""Hand-written stand-ins for what the services need from outside."""

import asyncio
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contracts.snapshot import CampaignSnapshot, LogPosition
from contracts.wire import SnapshotEvent
from profile_service.cache.origin import Fetched, OriginUnavailable
from profile_service.profiles import (
    ActiveCampaignsUpdate,
    ProfileDocument,
    ProfilesUnavailable,
    Written,
)
from tests.builders import NOW, an_event


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


class InMemoryProfiles:
    """A ProfileRepository in a dictionary.

    While `unavailable` every call fails; while `hanging` none ever answers. The ids in
    `taken` cannot be written, as another document holds them; `unpreparable` says why the
    index cannot be made.
    """

    def __init__(self, *profiles: ProfileDocument) -> None:
        self.documents = {profile["player_id"]: deepcopy(profile) for profile in profiles}
        self.duplicates: list[str] = []
        self.taken: set[str] = set()
        self.unpreparable: str | None = None
        self.unavailable = False
        self.hanging = False
        self.pings = 0
        self.updates: list[ActiveCampaignsUpdate] = []

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
        await self._reach()
        conflicts = self.taken & {profile["player_id"] for profile in profiles}
        writable = [profile for profile in profiles if profile["player_id"] not in conflicts]
        created = 0
        active_campaigns: dict[str, Any] = {}
        for profile in writable:
            stored = self.documents.get(profile["player_id"])
            created += stored is None
            kept = (stored or {}).get("active_campaigns")
            kept = [] if kept is None else kept
            self.documents[profile["player_id"]] = {**deepcopy(profile), "active_campaigns": kept}
            active_campaigns[profile["player_id"]] = deepcopy(kept)
        return Written(created, len(writable) - created, frozenset(conflicts), active_campaigns)

    async def delete(self, player_id: str) -> bool:
        await self._reach()
        return self.documents.pop(player_id, None) is not None

    async def update_active_campaigns(self, updates: Sequence[ActiveCampaignsUpdate]) -> int:
        await self._reach()
        self.updates += updates
        return sum(self._update(each) for each in updates)

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
        stored["active_campaigns"] = list(update.active_campaigns)
        return True

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self.hanging:
            await asyncio.get_running_loop().create_future()
        if self.unavailable:
            raise ProfilesUnavailable("the test has switched it off")


class FakeOrigin:
    """An Origin that serves `snapshot`, and answers as `GET /snapshot` does.

    Without a snapshot it is unavailable. `error` is raised and `answer` given in place of
    everything else; while `hanging` a fetch never ends; `seconds` is how long each takes.
    """

    def __init__(self, snapshot: CampaignSnapshot | None = None) -> None:
        self.snapshot = snapshot
        self.error: Exception | None = None
        self.answer: Fetched | None = None
        self.hanging = False
        self.seconds = 0.0
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
        return fetched(snapshot, held)


def fetched(snapshot: CampaignSnapshot, held: LogPosition | None = None) -> Fetched:
    """Give the answer to one who holds `held`: the ETag is that of store and revision."""
    is_held = held is not None and (held.store_id, held.revision) == (
        snapshot.store_id,
        snapshot.revision,
    )
    return Fetched(event_of(snapshot), None if is_held else body_of(snapshot))


def event_of(snapshot: CampaignSnapshot, **fields: Any) -> SnapshotEvent:
    """Give the headers that go with a snapshot."""
    return an_event(
        **{
            "store_id": snapshot.store_id,
            "revision": snapshot.revision,
            "head": snapshot.head,
            "log_age": snapshot.log_age,
            **fields,
        }
    )


def body_of(snapshot: CampaignSnapshot) -> bytes:
    """Give the bytes of a snapshot as they travel."""
    return snapshot.model_dump_json(by_alias=True).encode()


class FakeSubscription:
    """A Subscription that counts how often it was started anew."""

    def __init__(self, *, is_up: bool = True) -> None:
        self.is_up = is_up
        self.restarts = 0

    def restart(self) -> None:
        self.restarts += 1


@dataclass(frozen=True)
class DeadLetter:
    """An event that nobody could read, and why."""

    body: bytes
    reason: str
    message_id: str | None


class FakeDeadLetters:
    """DeadLetters that keeps all it is given."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.only_counted = 0

    @property
    def buried(self) -> int:
        return len(self.letters)

    async def bury(self, body: bytes, *, reason: str, message_id: str | None) -> None:
        self.letters.append(DeadLetter(body, reason, message_id))
