"""CampaignCache: the campaigns an instance answers from, which every event invalidates."""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from contracts.snapshot import LogPosition, SnapshotHeader
from contracts.wire import SnapshotEvent
from foundation.clock import Clock
from profile_service.cache.announced import AnnouncedRevision
from profile_service.cache.origin import Origin, OriginUnavailable
from profile_service.cache.outcomes import WORKED, EventOutcome, Outcome
from profile_service.cache.position import Relation, is_overtaken, may_enter, relation
from profile_service.cache.reading import UnreadableSnapshot, read_snapshot
from profile_service.cache.schedule import Cause, RefetchSchedule
from profile_service.cache.snapshot import HeldSnapshot
from profile_service.matching.compiled import CompiledCampaigns

logger = logging.getLogger(__name__)

FETCH_SECONDS = 10.0
MAX_LEFT_STORES = 100
LONGEST_AGE_SECONDS = 10 * 365 * 86400.0  # what a calendar can go back; a sender may claim any


@dataclass(frozen=True)
class Invalidation:
    """What a refetch by hand did: the revisions held before and after, and what it came to.

    `offered_store` is the other store that the origin offered, where that is why it failed.
    """

    before: LogPosition | None
    after: LogPosition | None
    outcome: Outcome
    offered_store: UUID | None = None

    @property
    def refetched(self) -> bool:
        """Whether the answer replaced or confirmed what is held."""
        return self.outcome in WORKED


class CampaignCache:
    """Holds one snapshot and keeps it the newest.

    Events replace or confirm it, or make it refetch; the TTL is the fallback. Nothing
    that goes wrong ever empties it.
    """

    def __init__(
        self, origin: Origin, *, ttl: timedelta, follow_new_store: bool, clock: Clock
    ) -> None:
        self.held: HeldSnapshot | None = None
        self.origin_behind = False
        self.foreign_store: UUID | None = None
        self.left_stores: tuple[UUID, ...] = ()
        self.heartbeat_interval: float | None = None
        self.events: Counter[EventOutcome] = Counter()
        self.refetches: Counter[tuple[Cause, Outcome]] = Counter()
        self.changed = asyncio.Event()
        self._origin = origin
        self._ttl = ttl.total_seconds()
        self._follow_new_store = follow_new_store
        self._clock = clock
        self._schedule = RefetchSchedule(self._ttl)
        self._asked = asyncio.Event()
        self._waiting: list[asyncio.Future[Outcome]] = []
        self._swapping = asyncio.Lock()
        self._announced = AnnouncedRevision()
        self._accepted: UUID | None = None

    @property
    def position(self) -> LogPosition | None:
        """Where in which log the held snapshot was taken; None when none is held."""
        return self.held.position if self.held else None

    @property
    def staleness(self) -> float | None:
        """Seconds since the held revision was known to be the newest; None when none is held."""
        return self.held.staleness(self._clock.elapsed()) if self.held else None

    @property
    def is_stale(self) -> bool:
        """Whether the held snapshot is past its TTL, or was only read from the last-good file."""
        held = self.held
        return held is not None and (
            not held.confirmed or held.staleness(self._clock.elapsed()) > self._ttl
        )

    def restore(self, held: HeldSnapshot, left_stores: tuple[UUID, ...]) -> None:
        """Start from a last-good snapshot; it is stale until somebody confirms it."""
        self.held = held
        self.left_stores = left_stores

    async def handle_event(self, event: SnapshotEvent, body: bytes) -> None:
        """Replace, confirm or doubt the held snapshot, as the event says.

        Raises:
            UnreadableSnapshot: the event's body would be needed and cannot be used. The
                held snapshot stays; `reject_event` counts the event and refetches.
        """
        received = self._clock.elapsed()
        outcome = await self._take(event, body, received)
        self.events[outcome] += 1
        if outcome is not EventOutcome.FOREIGN:
            self.heartbeat_interval = event.heartbeat_interval

    async def _take(self, event: SnapshotEvent, body: bytes, received: float) -> EventOutcome:
        stands = relation(self.position, event.position)
        if stands is Relation.SAME:
            self._confirm(received - event.log_age)
            return EventOutcome.CONFIRMED
        if stands is Relation.DIVERGED:
            self._notice_origin_behind()
            return EventOutcome.BEHIND
        if stands is Relation.FOREIGN:
            self._notice_foreign(event.store_id)
            self._ask(Cause.FOREIGN)
            return EventOutcome.FOREIGN
        if stands is Relation.FIRST or (stands is Relation.NEWER and not body):
            self._announced.note(event.position)
            self._ask(Cause.UNKNOWN_REVISION)
            return EventOutcome.ASKED
        if stands is Relation.NEWER:
            return await self._replace_by_event(event, body, received)
        return EventOutcome.DROPPED

    def reject_event(self) -> None:
        """Refetch, because an event could not be read and nobody knows what it said."""
        self.events[EventOutcome.DEAD] += 1
        self._ask(Cause.UNREADABLE)

    def connected(self) -> None:
        """Refetch, because events may have been missed while RabbitMQ was away."""
        self._ask(Cause.CONNECT)

    async def invalidate(
        self, *, accept_store: UUID | None = None, seconds: float = FETCH_SECONDS
    ) -> Invalidation:
        """Refetch now, and accept the origin's store if it is `accept_store`.

        Waits for a refetch that began after the call, at most `seconds`.
        """
        before = self.position
        self._accepted = accept_store or self._accepted
        flight: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(flight)
        self._ask(Cause.OPERATOR)
        try:
            async with asyncio.timeout(seconds):
                outcome = await flight
        except TimeoutError:
            outcome = Outcome.FAILED
        finally:
            if accept_store is not None:
                self._accepted = None
        offered = self.foreign_store if outcome is Outcome.FOREIGN else None
        return Invalidation(before, self.position, outcome, offered)

    async def run(self) -> None:
        """Fetch at the start, and then whenever it is due; one fetch at a time, for ever."""
        self._ask(Cause.START)
        while True:
            await self._until_due()
            causes = self._schedule.begin(self._clock.elapsed())
            waiting, self._waiting = self._waiting, []
            outcome = await self._refetch(causes)
            for flight in waiting:
                if not flight.done():
                    flight.set_result(outcome)

    async def _until_due(self) -> None:
        """Wait until a refetch is due; asking for one wakes this up to look again."""
        while (wait := self._schedule.due_at - self._clock.elapsed()) > 0:
            self._asked.clear()
            try:
                # A bounded nap: the clock of ages may run while the loop's clock stands still.
                async with asyncio.timeout(min(wait, 5.0)):
                    await self._asked.wait()
            except TimeoutError:
                continue

    async def _refetch(self, causes: frozenset[Cause]) -> Outcome:
        outcome = await self._fetch_within_limit()
        for cause in causes:
            self.refetches[cause, outcome] += 1
        now = self._clock.elapsed()
        if outcome is Outcome.FOREIGN:
            # Nothing to retry for: the origin has answered, and it is not ours.
            self._schedule.answered_foreign(now)
        elif outcome in WORKED and not self._announced.is_missing_from(self.position):
            self._schedule.succeeded()
        else:
            self._schedule.failed(now, holding=self.held is not None)
        return outcome

    async def _fetch_within_limit(self) -> Outcome:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return await self._fetch_once()
        except OriginUnavailable as error:
            logger.warning("the campaign service gave no snapshot: %s", error)
        except UnreadableSnapshot as error:
            logger.warning("the campaign service gave an unreadable snapshot: %s", error)
        except TimeoutError:
            logger.warning("the campaign service gave no snapshot within %g s", FETCH_SECONDS)
        return Outcome.FAILED

    async def _fetch_once(self) -> Outcome:
        asked_at, asked_with = self._clock.elapsed(), self.position
        fetched = await self._origin.fetch(asked_with)
        as_of = asked_at - fetched.event.log_age
        async with self._swapping:
            if is_overtaken(asked_with, fetched.event.position, self.position):
                return Outcome.OVERTAKEN
            if fetched.body is None:
                outcome = self._judge(fetched.event.position, as_of)
            else:
                header, campaigns = await self._read_as(fetched.event, fetched.body)
                outcome = self._admit(header, campaigns, fetched.body, as_of)
        if outcome in WORKED:
            self.heartbeat_interval = fetched.event.heartbeat_interval
        return outcome

    def _admit(
        self, header: SnapshotHeader, campaigns: CompiledCampaigns, body: bytes, as_of: float
    ) -> Outcome:
        """Let in what the origin gave, where the rules allow it."""
        stands = relation(self.position, header.position)
        if stands is Relation.FOREIGN and not self._may_enter(header):
            self._notice_foreign(header.store_id)
            return Outcome.FOREIGN
        if stands in {Relation.FIRST, Relation.NEWER, Relation.FOREIGN}:
            self._swap(header.position, campaigns, body, as_of)
            return Outcome.REPLACED
        return self._judge(header.position, as_of)

    def _judge(self, position: LogPosition, as_of: float) -> Outcome:
        """Take an answer of the origin that brings nothing new: it confirms, or lags behind."""
        if relation(self.position, position) is Relation.SAME:
            self._confirm(as_of)
            return Outcome.CONFIRMED
        self._notice_origin_behind()
        return Outcome.BEHIND

    def _may_enter(self, header: SnapshotHeader) -> bool:
        return self.held is not None and may_enter(
            header.store_id,
            renewed_from=header.renewed_from,
            held=self.held.position.store_id,
            left=self.left_stores,
            accepted=self._accepted,
            follow=self._follow_new_store,
        )

    async def _replace_by_event(
        self, event: SnapshotEvent, body: bytes, received: float
    ) -> EventOutcome:
        async with self._swapping:
            header, campaigns = await self._read_as(event, body)
            # Another way may have brought it, or something newer, in the meantime.
            if relation(self.position, header.position) is not Relation.NEWER:
                return EventOutcome.DROPPED
            self._swap(header.position, campaigns, body, received - event.log_age)
            self._schedule.advanced()
            return EventOutcome.APPLIED

    async def _read_as(
        self, event: SnapshotEvent, body: bytes
    ) -> tuple[SnapshotHeader, CompiledCampaigns]:
        """Read a snapshot, which must be the one that its headers speak of."""
        held = self.held.campaigns if self.held else None
        header, campaigns = await read_snapshot(body, held)
        if header.position != event.position:
            raise UnreadableSnapshot("its headers speak of another revision than its body")
        return header, campaigns

    def _swap(
        self, position: LogPosition, campaigns: CompiledCampaigns, body: bytes, as_of: float
    ) -> None:
        held = self.held
        if held is not None and held.position.store_id != position.store_id:
            self._leave(held.position.store_id, position.store_id)
        elif held is not None and held.confirmed:
            as_of = max(as_of, held.as_of)
        self.held = HeldSnapshot(
            position, campaigns, body, as_of, self._wall_time(as_of), confirmed=True
        )
        self._confirmed_as_of(as_of)
        logger.info("holding revision %d of store %s", position.revision, position.store_id)

    def _confirm(self, as_of: float) -> None:
        if self.held is not None:
            self.held = self.held.confirm(as_of, self._wall_time(as_of))
            self._confirmed_as_of(self.held.as_of)

    def _confirmed_as_of(self, as_of: float) -> None:
        self.origin_behind = False
        self.foreign_store = None
        self._schedule.confirmed(as_of, self._clock.elapsed())
        self.changed.set()

    def _leave(self, left: UUID, entered: UUID) -> None:
        logger.warning("following store %s, leaving store %s", entered, left)
        stores = [store for store in (*self.left_stores, left) if store != entered]
        self.left_stores = tuple(stores[-MAX_LEFT_STORES:])
        self._announced.forget()

    def _notice_origin_behind(self) -> None:
        if not self.origin_behind:
            logger.warning("origin behind: it does not know the revision that is held")
        self.origin_behind = True

    def _notice_foreign(self, store: UUID) -> None:
        if self.foreign_store != store:
            logger.warning("another store is offered and not believed: %s", store)
        self.foreign_store = store

    def _wall_time(self, as_of: float) -> datetime:
        age = max(0.0, self._clock.elapsed() - as_of)
        return self._clock.now() - timedelta(seconds=min(age, LONGEST_AGE_SECONDS))

    def _ask(self, cause: Cause) -> None:
        self._schedule.ask(cause, self._clock.elapsed())
        self._asked.set()
