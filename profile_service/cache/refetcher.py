"""Refetcher: when the origin is asked for its snapshot, and what follows from its answers."""

import asyncio
import logging
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from contracts.snapshot import LogPosition
from foundation.clock import Clock
from foundation.outage import Outage
from profile_service.cache.announced import AnnouncedRevision
from profile_service.cache.cache import CampaignCache
from profile_service.cache.origin import Origin, OriginUnavailable
from profile_service.cache.outcomes import WORKED, EventOutcome, Outcome
from profile_service.cache.reading import UnreadableSnapshot
from profile_service.cache.schedule import Cause, RefetchSchedule

logger = logging.getLogger(__name__)

FETCH_SECONDS = 10.0
LONGEST_NAP_SECONDS = 5.0


@dataclass(frozen=True)
class Invalidation:
    """The result of a refetch by hand: its outcome, and the positions held before and after.

    `offered_store` is the other store that the origin offered, where that is why it failed.
    """

    before: LogPosition | None
    after: LogPosition | None
    outcome: Outcome
    offered_store: UUID | None = None

    @property
    def refetched(self) -> bool:
        """Whether the answer replaced or confirmed the held snapshot."""
        return self.outcome in WORKED


@dataclass(frozen=True, eq=False)
class RefetchRequest:
    """One caller that waits for a refetch, and the store that it accepts, if any."""

    accept_store: UUID | None
    done: asyncio.Future[Outcome]


class Refetcher:
    """Asks the origin, one fetch at a time, whenever the schedule says so."""

    def __init__(
        self, cache: CampaignCache, origin: Origin, *, ttl: timedelta, clock: Clock
    ) -> None:
        self.refetches: Counter[tuple[Cause, Outcome]] = Counter()
        self.outage = Outage(
            logger,
            "the campaign service gives no snapshot",
            "the campaign service gives snapshots again",
        )
        self._cache = cache
        self._origin = origin
        self._clock = clock
        self._schedule = RefetchSchedule(ttl.total_seconds())
        self._announced = AnnouncedRevision()
        self._asked = asyncio.Event()
        self._requests: list[RefetchRequest] = []

    def ask(self, cause: Cause) -> None:
        """Ask for a refetch as soon as its cause may have one."""
        self._schedule.ask(cause, self._clock.elapsed())
        self._asked.set()

    def note_event(self, position: LogPosition, outcome: EventOutcome) -> None:
        """Draw the conclusions from an event that the cache has handled."""
        if outcome is EventOutcome.ASKED:
            self._announced.note(position)
            self.ask(Cause.UNKNOWN_REVISION)
        elif outcome is EventOutcome.FOREIGN:
            self.ask(Cause.FOREIGN)
        elif outcome is EventOutcome.APPLIED:
            self._schedule.advanced()
        if outcome in {EventOutcome.APPLIED, EventOutcome.CONFIRMED}:
            self._note_confirmed()

    async def invalidate(
        self, *, accept_store: UUID | None = None, seconds: float = FETCH_SECONDS
    ) -> Invalidation:
        """Refetch now, and accept the origin's store if it is `accept_store`.

        Waits for a refetch that began after the call, at most `seconds`. The acceptance
        ends with the call.
        """
        before = self._cache.position
        request = RefetchRequest(accept_store, asyncio.get_running_loop().create_future())
        self._requests.append(request)
        self.ask(Cause.OPERATOR)
        try:
            async with asyncio.timeout(seconds):
                outcome = await request.done
        except TimeoutError:
            outcome = Outcome.FAILED
        finally:
            request.done.cancel()
        offered = self._cache.foreign_store if outcome is Outcome.FOREIGN else None
        return Invalidation(before, self._cache.position, outcome, offered)

    async def run(self) -> None:
        """Fetch at the start, and then whenever it is due; one fetch at a time, for ever."""
        self.ask(Cause.START)
        while True:
            await self._until_due()
            causes = self._schedule.begin(self._clock.elapsed())
            requests = self._take_requests()
            outcome = await self._refetch(causes, requests)
            for request in requests:
                if not request.done.done():
                    request.done.set_result(outcome)

    def _take_requests(self) -> list[RefetchRequest]:
        requests, self._requests = self._requests, []
        return requests

    async def _until_due(self) -> None:
        """Wait until a refetch is due; asking for one wakes this up to look again."""
        while (wait := self._schedule.due_at - self._clock.elapsed()) > 0:
            self._asked.clear()
            try:
                # A bounded nap: the clock of ages may run while the loop's clock stands still.
                async with asyncio.timeout(min(wait, LONGEST_NAP_SECONDS)):
                    await self._asked.wait()
            except TimeoutError:
                continue

    async def _refetch(self, causes: AbstractSet[Cause], requests: list[RefetchRequest]) -> Outcome:
        store = self._held_store()
        outcome = await self._fetch_within_limit(requests)
        for cause in causes:
            self.refetches[cause, outcome] += 1
        if store is not None and self._held_store() != store:
            self._announced.forget()
        if outcome in {Outcome.REPLACED, Outcome.CONFIRMED}:
            self._note_confirmed()
        now = self._clock.elapsed()
        if outcome is Outcome.FOREIGN:
            # No retry: the origin has answered, and its store is not the held one.
            self._schedule.answered_foreign(now)
        elif outcome in WORKED and not self._announced.is_missing_from(self._cache.position):
            self._schedule.succeeded()
        else:
            self._schedule.failed(now, holding=self._cache.held is not None)
        return outcome

    async def _fetch_within_limit(self, requests: list[RefetchRequest]) -> Outcome:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                outcome = await self._fetch_once(requests)
        except OriginUnavailable as error:
            self.outage.failed(error)
        except UnreadableSnapshot as error:
            self.outage.failed(f"it is unreadable: {error}")
        except TimeoutError:
            self.outage.failed(f"no answer within {FETCH_SECONDS:g} s")
        else:
            self.outage.recovered()
            return outcome
        return Outcome.FAILED

    async def _fetch_once(self, requests: list[RefetchRequest]) -> Outcome:
        asked_at, asked_with = self._clock.elapsed(), self._cache.known_position
        fetched = await self._origin.fetch(asked_with)
        # Whoever has given up waiting meanwhile accepts nothing any more.
        accepted = frozenset(
            request.accept_store
            for request in requests
            if request.accept_store is not None and not request.done.done()
        )
        return await self._cache.handle_answer(
            fetched, asked_with=asked_with, asked_at=asked_at, accepted=accepted
        )

    def _note_confirmed(self) -> None:
        held = self._cache.held
        if held is not None and held.confirmed:
            self._schedule.confirmed(held.as_of, self._clock.elapsed())

    def _held_store(self) -> UUID | None:
        return self._cache.position.store_id if self._cache.position else None
