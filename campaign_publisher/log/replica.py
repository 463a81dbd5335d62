"""LogReplica: a copy of the campaigns, kept equal to the log that all replicas share."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

from campaign_publisher.log.change import Change, ChangeLog, LogUnavailable
from campaign_publisher.log.checkpoints import Checkpointer
from campaign_publisher.log.loading import create_store, read_whole
from campaign_publisher.log.state import BrokenLog, CampaignState, fold
from foundation.backoff import Backoff
from foundation.clock import Clock
from foundation.errors import Unavailable

logger = logging.getLogger(__name__)

MAX_MISSED_POLLS = 5


class LogReplica:
    """The campaigns as of the newest change that was read, and how old that knowledge is.

    Anybody may read it; whoever holds `lock` may load, follow and advance it.
    `replaced` tells that the log no longer holds what was read from it; `renewed`, that
    the last move was from one store into the one that continues it.
    """

    def __init__(
        self,
        log: ChangeLog,
        *,
        clock: Clock,
        poll_interval: timedelta,
        checkpointer: Checkpointer,
    ) -> None:
        self.log = log
        self.lock = asyncio.Lock()
        self.replaced = False
        self.renewed = False
        self._max_age = MAX_MISSED_POLLS * poll_interval.total_seconds()
        self._clock = clock
        self._checkpointer = checkpointer
        self._state: CampaignState | None = None
        self._read_at = 0.0
        self._looked_at: UUID | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def is_loaded(self) -> bool:
        """Whether the log has been read once."""
        return self._state is not None

    @property
    def state(self) -> CampaignState:
        """The campaigns as of the newest change that was read.

        Raises:
            Unavailable: nothing was read yet.
        """
        if self._state is None:
            raise Unavailable("the campaigns have not been loaded yet")
        return self._state

    @property
    def age(self) -> float:
        """Seconds since the state was last known to be the newest."""
        return self._clock.elapsed() - self._read_at

    @property
    def is_current(self) -> bool:
        """Whether the log was read within the last few polls."""
        return self.is_loaded and self.age <= self._max_age

    @property
    def is_authoritative(self) -> bool:
        """Whether others may take the state for the newest one."""
        return self.is_current and not self.replaced

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the state moves on."""
        self._listeners.append(listener)

    async def load(self) -> None:
        """Read the log from its newest checkpoint on; an empty log is founded.

        Raises:
            LogUnavailable: the log cannot be read, or not be founded, now.
        """
        await self.log.prepare()
        started = self._clock.elapsed()
        state, folded = await read_whole(self.log)
        if not state.exists:
            state = await create_store(self.log, self._clock)
        logger.info(
            "loaded %d campaigns at revision %d of store %s",
            len(state.campaigns),
            state.revision,
            state.store_id,
        )
        self._adopt(state, read_at=started)
        self._checkpointer.loaded(state, folded=folded)

    async def follow(self) -> None:
        """Read what was appended since the last read.

        When the log no longer holds what was read from it, `replaced` is set, and
        stays so until the log holds it again or was renewed from the store held here,
        however often it was renewed since.

        Raises:
            LogUnavailable: the log cannot be read now.
        """
        held = self.state
        started = self._clock.elapsed()
        changes = self.log.read(held.revision)
        state = await _continued(held, changes) or await self._find_renewal(held)
        if state is not None:
            self._adopt(state, read_at=started)

    def advance(self, state: CampaignState, *, read_at: float) -> None:
        """Move on to what this replica has just appended; `read_at` is when that began."""
        self._adopt(state, read_at=read_at)
        self._checkpointer.committed(state)

    async def _find_renewal(self, held: CampaignState) -> CampaignState | None:
        """Give the log's new state when it says that it continues the store held here."""
        if not self.replaced:
            logger.error(
                "the log was replaced: it no longer holds revision %d of store %s; nothing is "
                "written or published until POST /store/renew",
                held.revision,
                held.store_id,
            )
            self.replaced = True
        newest = await self.log.newest()
        if newest is None or newest.id == self._looked_at:
            return None
        state, _ = await read_whole(self.log)
        continues = await self._was_renewed(state, held.store_id)
        self._looked_at = newest.id
        return state if continues else None

    async def _was_renewed(self, state: CampaignState, store_id: UUID) -> bool:
        """Tell whether a renewal anywhere in the log, whose state is given, continues a store."""
        # A state names the newest renewal only, and none in a log that never was renewed.
        if state.renewed_from in {None, store_id}:
            return state.renewed_from == store_id
        return any([change.renewed_from == store_id async for change in self.log.read(0)])

    def _adopt(self, state: CampaignState, *, read_at: float) -> None:
        before, self._state = self._state, state
        self._read_at = read_at
        if self.replaced:
            logger.warning("the log is whole again, at revision %d", state.revision)
            self.replaced = False
        if before is None or before.position != state.position:
            self.renewed = before is not None and before.store_id != state.store_id
            for listener in self._listeners:
                listener()


async def _continued(held: CampaignState, changes: AsyncIterator[Change]) -> CampaignState | None:
    """Give the state after `changes`, None when they do not begin at the one held."""
    first = await anext(changes, None)
    if first is None or first.id != held.head:
        return None
    try:
        return await fold(held, changes)
    except BrokenLog:
        return None


MAX_BACKOFF_SECONDS = 2.0


async def keep_up(replica: LogReplica, *, poll_interval: timedelta) -> None:
    """Load the log, then look for changes every `poll_interval`, until cancelled."""
    backoff = Backoff(base=0.1, cap=MAX_BACKOFF_SECONDS)
    failing = False
    while True:
        try:
            async with replica.lock:
                await (replica.follow() if replica.is_loaded else replica.load())
        except LogUnavailable as error:
            if not failing:
                logger.warning("the log cannot be read: %s", error)
            failing = True
            await asyncio.sleep(backoff.next())
        else:
            if failing:
                logger.info("the log can be read again")
            failing = False
            backoff.reset()
            await asyncio.sleep(poll_interval.total_seconds())
