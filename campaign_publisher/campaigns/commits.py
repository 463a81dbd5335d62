"""Committer: how a decision becomes a change of the log, exactly once or not at all."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from campaign_publisher.campaigns.edits import ProposedChange, renewal
from campaign_publisher.campaigns.limits import check_sizes
from campaign_publisher.log.change import (
    MAX_CHANGE_BYTES,
    AppendUnsettled,
    Change,
    ChangeTooLarge,
    LogUnavailable,
)
from campaign_publisher.log.loading import read_whole
from campaign_publisher.log.replica import LogReplica
from campaign_publisher.log.state import CampaignState, fold
from foundation.backoff import Backoff
from foundation.clock import Clock
from foundation.errors import OutcomeUnknown, TooLarge, Unavailable

logger = logging.getLogger(__name__)

Decide = Callable[[CampaignState], Awaitable[ProposedChange | None]]

MAX_WAITING = 1_000
# Together what a write may take.
DECIDE_SECONDS = 20.0  # to wait for its turn, to read the log, to decide, and to decide again
APPEND_SECONDS = 10.0  # to send the change and learn what became of it


class Committer:
    """Writes to the log: one at a time in this replica, racing with those of the others.

    A decision is made on the newest state there is, and made again when another
    replica took the revision.
    """

    def __init__(self, replica: LogReplica, *, clock: Clock) -> None:
        self._replica = replica
        self._clock = clock
        self._waiting = 0

    async def write(self, decide: Decide, *, actor: str) -> tuple[CampaignState, CampaignState]:
        """Commit what `decide` wants; give the state before and the one after.

        They are the same when it wants nothing. `decide` may be called several times.

        Raises:
            ServiceError: what `decide` raises; TooLarge; Unavailable when nothing was
                written; OutcomeUnknown when nobody can tell.
        """
        return await self._write(self._newest, decide, actor)

    async def renew(self, *, actor: str) -> CampaignState:
        """Give the log a new store id that continues the store held here; give the state after.

        Works on a log that was replaced, or emptied, too: that is what it is for. A log
        that this replica saw renewed, with nothing after it, stays as it is: the request is
        a repeated one, and who missed a store in between could not follow.

        Raises:
            ServiceError: as `write`.
        """

        async def decide(_: CampaignState) -> ProposedChange | None:
            if self._replica.renewed and not self._replica.replaced:
                return None
            return renewal(self._replica.state.store_id)

        _, after = await self._write(self._newest_of_any_log, decide, actor)
        return after

    async def _write(
        self,
        read: Callable[[], Awaitable[CampaignState]],
        decide: Decide,
        actor: str,
    ) -> tuple[CampaignState, CampaignState]:
        deadline = asyncio.get_running_loop().time() + DECIDE_SECONDS
        backoff = Backoff(base=0.01, cap=0.5)
        async with self._locked(deadline):
            while True:
                async with _nothing_written_after(deadline):
                    before = await read()
                    draft = await decide(before)
                    if draft is None:
                        return before, before
                    change = await draft.to_change(before, actor=actor, now=self._clock.now())
                    after = await fold(before, [change])
                    check_sizes(after, change)
                started = self._clock.elapsed()
                if await self._append(change):
                    _log_commit(change)
                    self._replica.advance(after, read_at=started)
                    return before, after
                async with _nothing_written_after(deadline):
                    await asyncio.sleep(backoff.next())

    @asynccontextmanager
    async def _locked(self, deadline: float) -> AsyncIterator[None]:
        if self._waiting >= MAX_WAITING:
            raise Unavailable("busy: too many writes wait; nothing was written")
        self._waiting += 1
        try:
            async with _nothing_written_after(deadline):
                await self._replica.lock.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._replica.lock.release()

    async def _newest(self) -> CampaignState:
        await self._replica.follow()
        if self._replica.replaced:
            raise Unavailable("the change log was replaced: writes wait for POST /store/renew")
        return self._replica.state

    async def _newest_of_any_log(self) -> CampaignState:
        await self._replica.follow()
        if not self._replica.replaced:
            return self._replica.state
        # A collection that was dropped has lost its unique index, too.
        await self._replica.log.prepare()
        state, _ = await read_whole(self._replica.log)
        return state

    async def _append(self, change: Change) -> bool:
        """Append a change; False when another one has its revision.

        Sends it again until its fate is known: of all that claim a revision, and of all
        copies of this one, at most one can land.
        """
        sent = False
        backoff = Backoff(base=0.05, cap=0.5)
        try:
            async with asyncio.timeout(APPEND_SECONDS):
                while True:
                    try:
                        return await self._replica.log.append(change)
                    except ChangeTooLarge:
                        raise TooLarge(
                            f"a change's log document must not be over {MAX_CHANGE_BYTES} bytes"
                        ) from None
                    except AppendUnsettled as error:
                        sent = True
                        logger.warning("change %s is unsettled: %s", change.id, error)
                    except LogUnavailable as error:
                        if not sent:
                            raise _away(error) from error
                    await asyncio.sleep(backoff.next())
        except TimeoutError:
            logger.warning("change %s at revision %d: outcome unknown", change.id, change.revision)
            raise OutcomeUnknown(
                "outcome unknown: the write may or may not have been made; read it back"
            ) from None


@asynccontextmanager
async def _nothing_written_after(deadline: float) -> AsyncIterator[None]:
    """Give up at `deadline`, or when the log is away, in a block that writes nothing."""
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError:
        raise Unavailable("busy: nothing was written") from None
    except LogUnavailable as error:
        raise _away(error) from error


def _log_commit(change: Change) -> None:
    logger.info(
        "revision %d: %s by %s, %d put, %d deleted",
        change.revision,
        change.op,
        change.actor,
        len(change.put),
        len(change.deleted),
    )


def _away(error: LogUnavailable) -> Unavailable:
    logger.warning("nothing was written: %s", error)
    return Unavailable("the change log is away: nothing was written")
