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
MAX_READS = 10  # until the newest change was read, among writes of others
EXAMINE_SECONDS = 60.0
NEVER = float("-inf")


class LogReplica:
    """The campaigns as of the newest change that was read, and how old that knowledge is.

    It may be read at any time; `load`, `follow` and `advance` need `lock`. `replaced` is set
    while the log does not continue the state (after a restore from a backup, or with a change
    missing), and `problem` is the reason. `renewed` is set by a move from one store into a
    store that continues it, whether this replica or another one renewed the log.
    `reading`, `appending` and `listing` are the outages of polls, of writes and of the history.
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
        self.reading = Outage(logger, "the log cannot be read", "the log can be read again")
        self.appending = Outage(logger, "the log cannot be written", "the log can be written again")
        self.listing = Outage(logger, "the changes cannot be read", "the changes can be read again")
        self._max_age = MAX_MISSED_POLLS * poll_interval.total_seconds()
        self._clock = clock
        self._checkpointer = checkpointer
        self._state: CampaignState | None = None
        self._read_at = 0.0
        # The newest change when the whole log was last found to be no continuation, and when.
        self._examined: UUID | None = None
        self._examined_at = NEVER
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
        if not await self._is_to_be_examined():
            raise LogUnavailable(self.problem)
        try:
            state, folded = await read_whole(self.log)
            if not state.exists:
                state = await create_store(self.log, self._clock)
            if not await self.log.is_free(state.revision + 1):
                state = await self._continued(state, confirm=True)
        except BrokenLog as error:
            self.problem = f"the log is broken: {error}"
            raise LogUnavailable(self.problem) from error
        except LogUnavailable:
            self._examined_at = NEVER
            raise
        logger.info(
            "loaded %d campaigns and %d segments at revision %d of store %s",
            len(state.campaigns),
            len(state.segments),
            state.revision,
            state.store_id,
        )
        self._adopt(state, read_at=started)
        self._checkpointer.loaded(state, folded=folded)

    async def follow(self, *, confirm: bool = True) -> None:
        """Read the changes since the last read.

        When they do not continue the state, or the log no longer holds the change that the
        state ends with, `replaced` is set. It stays so until the log continues the state
        again, or was renewed from its store.

        Without `confirm` the state may miss the newest changes, and its age goes on: a primary
        that was deposed may have answered. To confirm costs a replica set a write of its own,
        so that polls do it, and writes only where no append would show the same.

        Raises:
            LogUnavailable: the log cannot be read now.
        """
        held = self.state
        started = self._clock.elapsed()
        if self.replaced:
            # The log may come back without its table, or in an earlier form.
            await self.log.prepare()
        try:
            state = await self._continued(held, confirm=confirm)
        except BrokenLog as error:
            self._set_replaced(held, str(error))
            renewed = await self._find_renewal(held)
            if renewed is None:
                return
            state, confirm = renewed, False  # the next poll confirms it
        self._adopt(state, read_at=started if confirm else self._read_at)

    def advance(self, state: CampaignState, *, read_at: float) -> None:
        """Move on to the state after an append of this replica; `read_at` is when that began."""
        self._adopt(state, read_at=read_at)
        self._checkpointer.committed(state)

    async def _continued(self, held: CampaignState, *, confirm: bool) -> CampaignState:
        """Return the state after the changes that follow `held`.

        Raises:
            BrokenLog: they do not follow it, or the log does not end where they do.
            LogUnavailable: the log cannot be read now, or its newest change not be found.
        """
        state = held
        for _ in range(MAX_READS):
            state = await self._read_on(state)
            # A log that was cut off behind `state` shows no new changes either.
            if not await self.log.holds(state.revision, state.head):
                raise BrokenLog(f"revision {state.revision} is no longer the one that was read")
            # Read last: the changes may have come from a primary that was deposed, and the
            # next answer from its successor.
            if not confirm or await self.log.is_free(state.revision + 1):
                return state
        raise LogUnavailable(f"the newest change was not found in {MAX_READS} reads")

    async def _read_on(self, held: CampaignState) -> CampaignState:
        async with aclosing(self.log.read(held.revision + 1)) as changes:
            state = await fold(held, changes)
        if held.exists and state.store_id != held.store_id:
            # A renewal may have taken a log that lacks changes which `held` contains. All
            # replicas must agree on what is left, so that each begins with what is stored.
            state, _ = await read_whole(self.log)
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
        """Return the log's own state if it was renewed from the store of `held`, else None.

        A renewal may be one of several since: a state names all stores that it continues.
        """
        if not await self._is_to_be_examined():
            return None
        try:
            state, _ = await read_whole(self.log)
        except BrokenLog as error:
            self.problem = str(error)
            return None
        except LogUnavailable:
            self._examined_at = NEVER
            raise
        return state if held.store_id in state.renewed_from else None

    async def _is_to_be_examined(self) -> bool:
        """Return whether to read the whole log: at its first look, when it grows, each minute.

        A log that is broken, or of another store, is not read whole at every poll. It may be
        mended without growing.
        """
        newest = await self.log.newest()
        newest_id = newest.id if newest else None
        now = self._clock.elapsed()
        is_known = newest_id == self._examined and now < self._examined_at + EXAMINE_SECONDS
        if self.problem is not None and is_known:
            return False
        self._examined, self._examined_at = newest_id, now
        return True

    def _adopt(self, state: CampaignState, *, read_at: float) -> None:
        before, self._state = self._state, state
        self._read_at = read_at
        if self.replaced:
            logger.warning("the log is whole again, at revision %d", state.revision)
            self.replaced = False
        self.problem = None
        self._examined = None
        if before is None or before.position != state.position:
            # Until the next change only: a renewal that is repeated at once is the same one,
            # and a later one is meant.
            self.renewed = before is not None and before.store_id != state.store_id
            for listener in self._listeners:
                listener()


async def keep_up(replica: LogReplica, *, poll_interval: timedelta) -> None:
    """Load the log, then look for changes every `poll_interval`, until cancelled."""
    backoff = Backoff(base=0.1, cap=MAX_BACKOFF_SECONDS)
    while True:
        try:
            async with replica.lock:
                await (replica.follow() if replica.is_loaded else replica.load())
        except LogUnavailable as error:
            replica.reading.failed(error)
            await asyncio.sleep(backoff.next())
        else:
            replica.reading.recovered()
            backoff.reset()
            await asyncio.sleep(poll_interval.total_seconds())
