"""Updates of active_campaigns on their way to the store, behind the answers."""

import asyncio
import logging
from collections import Counter
from itertools import islice

from foundation.backoff import Backoff
from profile_service.profiles.repository import (
    ActiveCampaignsUpdate,
    ProfileRepository,
    ProfilesUnavailable,
)

logger = logging.getLogger(__name__)

MAX_PENDING = 10_000
BATCH = 500
FLUSH_SECONDS = 3.0
# After a campaign changed nearly every answer makes one: a write of many costs little more
# than a write of one, and the answers that everybody waits for go first.
GATHER_SECONDS = 0.05


class PendingUpdates:
    """At most one update a player and 10,000 in all; what does not fit is dropped and counted.

    A dropped update harms nothing: the next answer for that player makes it again.
    """

    def __init__(self, profiles: ProfileRepository) -> None:
        self._profiles = profiles
        self._pending: dict[str, ActiveCampaignsUpdate] = {}
        self._added = asyncio.Event()
        self._writing = asyncio.Lock()
        self.outcomes: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, update: ActiveCampaignsUpdate) -> None:
        """Keep an update until it is written; a newer one takes the place of an older."""
        if update.player_id not in self._pending and len(self._pending) >= MAX_PENDING:
            self.outcomes["dropped"] += 1
            return
        self._pending[update.player_id] = update
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
            batch = list(islice(self._pending.values(), BATCH))
            try:
                written = await self._profiles.update_active_campaigns(batch)
            except ProfilesUnavailable:  # the store has logged it
                self.outcomes["failed"] += 1
                return False
            except Exception:
                # What can never be written must not keep all others from being written.
                logger.exception("dropped %d updates of active_campaigns", len(batch))
                self.outcomes["dropped"] += len(batch)
            else:
                self.outcomes["written"] += written
                # The profile changed or went away since it was read: the next answer sees it.
                self.outcomes["outdated"] += len(batch) - written
            for update in batch:
                if self._pending.get(update.player_id) is update:
                    del self._pending[update.player_id]
            return True
