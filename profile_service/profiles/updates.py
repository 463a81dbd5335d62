"""Updates of active_campaigns on their way to the store, behind the answers."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from contracts.snapshot import LogPosition
from foundation.backoff import Backoff
from foundation.clock import Clock
from profile_service.profiles.repository import (
    ActiveCampaignsUpdate,
    ProfileRepository,
    ProfilesUnavailable,
)

logger = logging.getLogger(__name__)

MAX_PENDING = 10_000
MAX_AGE_SECONDS = 300.0
BATCH = 500
FLUSH_SECONDS = 3.0
# After a campaign changed nearly every answer makes one: a write of many costs little more
# than a write of one, and the answers that everybody waits for go first.
GATHER_SECONDS = 0.05


class Pending(NamedTuple):
    """An update, the revision of the campaigns that it follows from, and when it was added."""

    update: ActiveCampaignsUpdate
    position: LogPosition
    added_at: float


class PendingUpdates:
    """At most one update a player and 10,000 in all; what does not fit is dropped and counted.

    An update is written only while the instance still holds the revision that it follows from
    and is not stale, and for 5 minutes at most: `writable_position` returns that revision, or
    None while the instance is stale. This is judged when it is written, not when it is added.
    An update that is not written harms nothing: the next answer for that player makes it again.
    """

    def __init__(
        self,
        profiles: ProfileRepository,
        *,
        writable_position: Callable[[], LogPosition | None],
        clock: Clock,
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self._profiles = profiles
        self._writable_position = writable_position
        self._clock = clock
        self._pending: dict[str, Pending] = {}
        self._added = asyncio.Event()
        self._writing = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, update: ActiveCampaignsUpdate, position: LogPosition) -> None:
        """Keep an update until it is written; a newer one takes the place of an older."""
        if update.player_id not in self._pending and len(self._pending) >= MAX_PENDING:
            self.outcomes["dropped"] += 1
            return
        self._pending[update.player_id] = Pending(update, position, self._clock.elapsed())
        self._added.set()

    async def run(self) -> None:
        """Write what is pending, for ever."""
        backoff = Backoff(base=0.1, cap=2.0)
        while True:
            await self._added.wait()
            if len(self._pending) < BATCH:
                await asyncio.sleep(GATHER_SECONDS)
            if await self._write_batch():
                backoff.reset()
            else:
                await asyncio.sleep(backoff.next())
            if not self._pending:
                self._added.clear()

    async def flush(self) -> None:
        """Write what is still pending, for at most 3 s; the rest is dropped and counted."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                while self._pending and await self._write_batch():
                    pass
        except TimeoutError:
            pass
        if self._pending:
            logger.warning("dropped %d updates of active_campaigns", len(self._pending))
        self.outcomes["dropped"] += len(self._pending)
        self._pending.clear()

    async def _write_batch(self) -> bool:
        """Write one batch; False when the store cannot be reached, and the batch stays pending."""
        async with self._writing:
            taken = list(islice(self._pending.values(), BATCH))
            batch = self._valid(taken)
            written = 0
            try:
                if batch:
                    written = await self._profiles.update_active_campaigns(batch)
            except ProfilesUnavailable:  # the store has logged it
                self.outcomes["failed"] += 1
                return False
            except Exception:
                # What can never be written must not keep all others from being written.
                logger.exception("dropped %d updates of active_campaigns", len(batch))
                self.outcomes["dropped"] += len(batch)
                self.outcomes["outdated"] += len(taken) - len(batch)
            else:
                self.outcomes["written"] += written
                # The profile or the campaigns changed since: the next answer sees it.
                self.outcomes["outdated"] += len(taken) - written
            for pending in taken:
                player_id = pending.update.player_id
                if self._pending.get(player_id) is pending:
                    del self._pending[player_id]
            return True

    def _valid(self, taken: list[Pending]) -> list[ActiveCampaignsUpdate]:
        position = self._writable_position()
        oldest = self._clock.elapsed() - MAX_AGE_SECONDS
        return [
            pending.update
            for pending in taken
            if (pending.position is position or pending.position == position)
            and pending.added_at >= oldest
        ]
