"""CampaignCache: the campaigns that an instance answers from, and what may replace them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from contracts.snapshot import LogPosition, SnapshotHeader
from contracts.wire import SnapshotEvent
from foundation.clock import Clock
from profile_service.cache.origin import Fetched
from profile_service.cache.outcomes import WITHOUT_NEWS, EventOutcome, Outcome
from profile_service.cache.position import Relation, is_overtaken, may_enter, relation
from profile_service.cache.reading import UnreadableSnapshot, read_snapshot
from profile_service.cache.snapshot import HeldSnapshot
from profile_service.matching.compiled import CompiledCampaigns

logger = logging.getLogger(__name__)

MAX_LEFT_STORES = 100
LONGEST_AGE_SECONDS = 10 * 365 * 86400.0  # what a calendar can go back; a sender may claim any
# More than clocks that run at different speeds and a primary that was just deposed differ by.
LAG_SECONDS = 5.0


class CampaignCache:
    """Holds one snapshot, which only a better one replaces. No failure ever empties it.

    With `game`, the campaigns of other games are left out of it.
    """

    def __init__(
        self, *, ttl: timedelta, follow_new_store: bool, clock: Clock, game: str | None = None
    ) -> None:
        self.game = game
        self.held: HeldSnapshot | None = None
        self.origin_behind = False
        self.foreign_store: UUID | None = None
        self.left_stores: tuple[UUID, ...] = ()
        self.heartbeat_interval: float | None = None
        self.events: Counter[EventOutcome] = Counter()
        self.changed = asyncio.Event()
        self._ttl = ttl.total_seconds()
        self._follow_new_store = follow_new_store
        self._clock = clock
        self._swapping = asyncio.Lock()
        self._logged_store: UUID | None = None

    @property
    def position(self) -> LogPosition | None:
        """The place in the log where the held snapshot was taken; None when none is held."""
        return self.held.position if self.held else None

    @property
    def known_position(self) -> LogPosition | None:
        """The position that the origin has to give no body for; None for a provisional one."""
        return self.held.position if self.held and not self.held.provisional else None

    @property
    def staleness(self) -> float | None:
        """Seconds since the held revision was known to be the newest; None when none is held."""
        return self.held.staleness(self._clock.elapsed()) if self.held else None

    @property
    def is_stale(self) -> bool:
        """Whether the held snapshot is past its TTL, or was never confirmed."""
        held = self.held
        return held is not None and (
            not held.confirmed or held.staleness(self._clock.elapsed()) > self._ttl
        )

    def restore(self, held: HeldSnapshot, left_stores: tuple[UUID, ...]) -> None:
        """Start from a last-good snapshot; it is stale until an event or a fetch confirms it."""
        self.held = held
        self.left_stores = left_stores

    async def handle_event(
        self, event: SnapshotEvent, body: bytes, *, origin_away: bool = False
    ) -> EventOutcome:
        """Replace or confirm the held snapshot, or neither, and return which.

        While nothing is held and the origin is away, a whole snapshot is taken
        provisionally: it is served as stale until the origin answers.

        Raises:
            UnreadableSnapshot: the event's body would be needed and cannot be used. The
                held snapshot stays; `reject_event` counts the event.
        """
        received = self._clock.elapsed()
        outcome = await self._judge_event(event, body, received, origin_away=origin_away)
        self.events[outcome] += 1
        if outcome is not EventOutcome.FOREIGN:
            self.heartbeat_interval = event.heartbeat_interval
        return outcome

    def reject_event(self) -> None:
        """Count an event that could not be read."""
        self.events[EventOutcome.DEAD] += 1

    async def handle_answer(
        self,
        fetched: Fetched,
        *,
        asked_with: LogPosition | None,
        asked_at: float,
        accepted: AbstractSet[UUID] = frozenset(),
    ) -> Outcome:
        """Replace or confirm the held snapshot by an answer of the origin, and return which.

        `asked_with` is the `known_position` at `asked_at`, when the origin was asked;
        the stores in `accepted` may enter whatever is held.

        Raises:
            UnreadableSnapshot: the answer's body cannot be used; the held snapshot stays.
        """
        as_of = asked_at - fetched.event.log_age
        async with self._swapping:
            if self.held is not None and self.held.provisional:
                outcome = await self._settle(fetched, as_of)
            elif is_overtaken(asked_with, fetched.event.position, self.position):
                return Outcome.OVERTAKEN
            elif fetched.body is None:
                outcome = self._judge_answer(fetched.event.position, as_of)
            else:
                header, campaigns = await self._read_as(fetched.event, fetched.body)
                outcome = self._admit(header, campaigns, fetched.body, as_of, accepted)
        if outcome in {Outcome.REPLACED, Outcome.CONFIRMED}:
            self.heartbeat_interval = fetched.event.heartbeat_interval
        return outcome

    async def _judge_event(
        self, event: SnapshotEvent, body: bytes, received: float, *, origin_away: bool
    ) -> EventOutcome:
        found = relation(self.position, event.position)
        if found in WITHOUT_NEWS:
            self._note_event(found, event, received)
            return WITHOUT_NEWS[found]
        if not body or (found is Relation.FIRST and not origin_away):
            return EventOutcome.ASKED
        return await self._replace_by_event(event, body, received)

    def _note_event(self, found: Relation, event: SnapshotEvent, received: float) -> None:
        if found is Relation.SAME:
            self._confirm_by_event(received - event.log_age)
        elif found is Relation.DIVERGED:
            self._notice_origin_behind()
        elif found is Relation.FOREIGN:
            # Logged when the origin has answered: after a renewal that store is followed.
            self.foreign_store = event.store_id

    async def _replace_by_event(
        self, event: SnapshotEvent, body: bytes, received: float
    ) -> EventOutcome:
        async with self._swapping:
            header, campaigns = await self._read_as(event, body)
            # A fetch or another event may have brought it, or a newer one, in the meantime.
            if relation(self.position, header.position) not in {Relation.FIRST, Relation.NEWER}:
                return EventOutcome.DROPPED
            # The origin alone says which store is ours: until it has, nothing is confirmed.
            provisional = self.held is None or self.held.provisional
            self._swap(
                header.position, campaigns, body, received - event.log_age, provisional=provisional
            )
            return EventOutcome.APPLIED

    async def _settle(self, fetched: Fetched, as_of: float) -> Outcome:
        """Put what the origin answers in the place of a provisional snapshot, whatever it is.

        But for an older revision of its store, which a lagging replica may well answer.
        """
        if fetched.body is None:
            raise UnreadableSnapshot("an answer without a body that was asked for")
        header, campaigns = await self._read_as(fetched.event, fetched.body)
        found = relation(self.position, header.position)
        if found is Relation.OLDER and self._may_lag(as_of):
            return Outcome.LAGGING
        self._swap(header.position, campaigns, fetched.body, as_of)
        return Outcome.REPLACED

    def _admit(
        self,
        header: SnapshotHeader,
        campaigns: CompiledCampaigns,
        body: bytes,
        as_of: float,
        accepted: AbstractSet[UUID],
    ) -> Outcome:
        """Let in what the origin answered, where the rules allow it."""
        found = relation(self.position, header.position)
        if found is Relation.FOREIGN and not self._may_enter(header, accepted):
            self._refuse_store(header.store_id)
            return Outcome.FOREIGN
        if found in {Relation.FIRST, Relation.NEWER, Relation.FOREIGN}:
            self._swap(header.position, campaigns, body, as_of)
            return Outcome.REPLACED
        return self._judge_answer(header.position, as_of)

    def _judge_answer(self, position: LogPosition, as_of: float) -> Outcome:
        """Take an answer of the origin that brings nothing new: it confirms, or lags behind."""
        found = relation(self.position, position)
        if found is Relation.SAME:
            self._log_ignored_events()
            self._confirm(as_of)
            return Outcome.CONFIRMED
        if found is Relation.OLDER and self._may_lag(as_of):
            return Outcome.LAGGING
        self._notice_origin_behind()
        return Outcome.BEHIND

    def _may_lag(self, as_of: float) -> bool:
        """Return whether a replica that read the log at `as_of` may not know the held revision.

        A replica answers with what its last poll saw, so during writes it is older than an
        event by a poll or two. One that read the log well after the held revision was in it,
        and did not find it there, reads another log.
        """
        return self.held is not None and as_of <= self.held.first_seen + LAG_SECONDS

    def _may_enter(self, header: SnapshotHeader, accepted: AbstractSet[UUID]) -> bool:
        return self.held is not None and may_enter(
            header.store_id,
            renewed_from=header.renewed_from,
            held=self.held.position.store_id,
            left=self.left_stores,
            accepted=accepted,
            follow=self._follow_new_store,
        )

    async def _read_as(
        self, event: SnapshotEvent, body: bytes
    ) -> tuple[SnapshotHeader, CompiledCampaigns]:
        """Read a snapshot, which must be the one that its headers name."""
        held = self.held.campaigns if self.held else None
        header, campaigns = await read_snapshot(body, held, game=self.game)
        if header.position != event.position:
            raise UnreadableSnapshot("its headers speak of another revision than its body")
        return header, campaigns

    def _swap(
        self,
        position: LogPosition,
        campaigns: CompiledCampaigns,
        body: bytes,
        as_of: float,
        *,
        provisional: bool = False,
    ) -> None:
        first_seen, held = as_of, self.held
        if held is not None and held.position.store_id != position.store_id:
            self._leave(held, position.store_id)
        elif held is not None and held.confirmed:
            as_of = max(as_of, held.as_of)
        self.held = HeldSnapshot(
            position=position,
            campaigns=campaigns,
            body=body,
            as_of=as_of,
            first_seen=first_seen,
            confirmed_at=self._wall_time(as_of),
            confirmed=not provisional,
            provisional=provisional,
        )
        self._note_confirmed()
        logger.info(
            "holding revision %d of store %s%s",
            position.revision,
            position.store_id,
            ", from an event, until the campaign service answers" if provisional else "",
        )

    def _confirm_by_event(self, as_of: float) -> None:
        if self.held is not None and self.held.provisional:
            self.held = replace(self.held, as_of=max(as_of, self.held.as_of))
        else:
            self._confirm(as_of)

    def _confirm(self, as_of: float) -> None:
        if self.held is not None:
            self.held = self.held.confirm(as_of, self._wall_time(as_of))
            self._note_confirmed()

    def _note_confirmed(self) -> None:
        self.origin_behind = False
        self.foreign_store = None
        self.changed.set()

    def _leave(self, held: HeldSnapshot, entered: UUID) -> None:
        left = held.position.store_id
        logger.warning("following store %s, leaving store %s", entered, left)
        self._logged_store = None
        if held.provisional:
            return  # it was never known to be ours
        stores = [store for store in (*self.left_stores, left) if store != entered]
        self.left_stores = tuple(stores[-MAX_LEFT_STORES:])

    def _notice_origin_behind(self) -> None:
        if not self.origin_behind:
            logger.warning("origin behind: it does not know the revision that is held")
        self.origin_behind = True

    def _refuse_store(self, store: UUID) -> None:
        if self._logged_store != store:
            logger.warning("another store is offered and not believed: %s", store)
        self._logged_store = self.foreign_store = store

    def _log_ignored_events(self) -> None:
        """Log, once a store, that its events are ignored: the origin serves the held one."""
        store = self.foreign_store
        if store is not None and store != self._logged_store:
            logger.warning("ignoring events of another store: %s", store)
            self._logged_store = store

    def _wall_time(self, as_of: float) -> datetime:
        age = max(0.0, self._clock.elapsed() - as_of)
        return self._clock.now() - timedelta(seconds=min(age, LONGEST_AGE_SECONDS))
