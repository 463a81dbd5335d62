"""LogReplica: a copy of the campaigns, kept equal to the log that all replicas share."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from uuid import UUID

from campaign_publisher.log.change import ChangeLog, LogUnavailable
from campaign_publisher.log.checkpoints import Checkpointer
from campaign_publisher.log.loading import create_store, read_whole
from campaign_publisher.log.state import BrokenLog, CampaignState, fold
from foundation.backoff import Backoff
from foundation.clock import Clock
from foundation.errors import Unavailable
from foundation.outage import Outage

logger = logging.getLogger(__name__)

MAX_MISSED_POLLS = 5
MAX_BACKOFF_SECONDS = 2.0


class LogReplica:
    """The campaigns as of the newest change that was read, and how old that knowledge is.

    It may be read at any time; `load`, `follow` and `advance` need `lock`. `replaced` is set
    while the log does not continue the state (after a restore from a backup, or with a change
    missing), and `problem` is the reason. `renewed` is set by a move from one store into a
    store that continues it, whether this replica or another one renewed the log.
    `appending` is the outage of writes.
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
        self.problem: str | None = None
        self.appending = Outage(logger, "the log cannot be written", "the log can be written again")
        self._max_age = MAX_MISSED_POLLS * poll_interval.total_seconds()
        self._clock = clock
        self._checkpointer = checkpointer
        self._state: CampaignState | None = None
        self._read_at = 0.0
        self._examined: UUID | None = None  # the newest change when the whole log was read last
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
        """Read the log from its newest checkpoint on; an empty log is given its first change.

        Raises:
            LogUnavailable: the log cannot be read now, is broken, or is of an earlier form.
        """
        await self.log.prepare()
        started = self._clock.elapsed()
        newest = await self.log.newest()
        # A log that was found broken stays so until it grows: it is not read whole at each poll.
        if newest is None or newest.id != self._examined:
            self.problem = None
        if self.problem is not None:
            raise LogUnavailable(self.problem)
        try:
            state, folded = await read_whole(self.log)
        except BrokenLog as error:
            self._examined = newest.id if newest else None
            self.problem = f"the log is broken: {error}"
            raise LogUnavailable(self.problem) from error
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
        """Read the changes since the last read.

        When they do not continue the state, or the log no longer holds the change that the
        state ends with, `replaced` is set. It stays so until the log continues the state
        again, or was renewed from its store.

        Raises:
            LogUnavailable: the log cannot be read now.
        """
        held = self.state
        started = self._clock.elapsed()
        state: CampaignState | None
        try:
            state = await self._continued(held)
        except BrokenLog as error:
            self._set_replaced(held, str(error))
            state = await self._find_renewal(held)
        if state is not None:
            self._adopt(state, read_at=started)

    def advance(self, state: CampaignState, *, read_at: float) -> None:
        """Move on to what this replica has just appended; `read_at` is when that began."""
        self._adopt(state, read_at=read_at)
        self._checkpointer.committed(state)

    async def _continued(self, held: CampaignState) -> CampaignState:
        """Return the state after the changes that follow `held`.

        Raises:
            BrokenLog: they do not follow it, or the log does not end where they do.
        """
        async with aclosing(self.log.read(held.revision + 1)) as changes:
            state = await fold(held, changes)
        # Read last, and from a server that certainly is the primary: a primary that was
        # deposed, or a log that was cut off behind `held`, shows no new changes either.
        if await self.log.id_at(state.revision) != state.head:
            raise BrokenLog(f"revision {state.revision} is no longer the one that was read")
        return state

    def _set_replaced(self, held: CampaignState, problem: str) -> None:
        if not self.replaced:
            logger.error(
                "the log was replaced: it does not continue revision %d of store %s (%s); "
                "nothing is written or published until POST /store/renew",
                held.revision,
                held.store_id,
                problem,
            )
        self.replaced = True
        self.problem = problem

    async def _find_renewal(self, held: CampaignState) -> CampaignState | None:
        """Return the log's own state if it was renewed from the store of `held`, else None."""
        newest = await self.log.newest()
        # Read whole once for each of its newest changes, not at each poll.
        if newest is None or newest.id == self._examined:
            return None
        self._examined = newest.id
        # The store may have changed hands in the meantime: its form is checked anew.
        await self.log.prepare()
        try:
            state, _ = await read_whole(self.log)
        except BrokenLog as error:
            self.problem = str(error)
            return None
        return state if held.store_id in state.renewed_from else None

    def _adopt(self, state: CampaignState, *, read_at: float) -> None:
        before, self._state = self._state, state
        self._read_at = read_at
        if self.replaced:
            logger.warning("the log is whole again, at revision %d", state.revision)
            self.replaced = False
        self.problem = None
        self._examined = None
        if before is None or before.position != state.position:
            self.renewed = before is not None and before.store_id != state.store_id
            for listener in self._listeners:
                listener()


async def keep_up(replica: LogReplica, *, poll_interval: timedelta) -> None:
    """Load the log, then look for changes every `poll_interval`, until cancelled."""
    backoff = Backoff(base=0.1, cap=MAX_BACKOFF_SECONDS)
    outage = Outage(logger, "the log cannot be read", "the log can be read again")
    while True:
        try:
            async with replica.lock:
                await (replica.follow() if replica.is_loaded else replica.load())
        except LogUnavailable as error:
            outage.failed(error)
            await asyncio.sleep(backoff.next())
        else:
            outage.recovered()
            backoff.reset()
            await asyncio.sleep(poll_interval.total_seconds())
