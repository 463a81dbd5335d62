"""Committer: an edit becomes one change of the log, exactly once or not at all."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from campaign_publisher.campaigns.edits import ProposedChange, renewal
from campaign_publisher.campaigns.limits import check_sizes
from campaign_publisher.log.change import (
    MAX_CHANGE_BYTES,
    AppendUnsettled,
    Change,
    ChangeTooLarge,
    LogUnavailable,
)
from campaign_publisher.log.checkpoints import to_checkpoint
from campaign_publisher.log.loading import read_as_it_is
from campaign_publisher.log.replica import LogReplica
from campaign_publisher.log.state import CampaignState, fold
from foundation.backoff import Backoff
from foundation.clock import Clock
from foundation.errors import OutcomeUnknown, ServiceError, TooLarge, Unavailable

logger = logging.getLogger(__name__)

Decide = Callable[[CampaignState], Awaitable[ProposedChange | None]]


class Read(Protocol):
    """A way to read the log."""

    async def __call__(self, *, confirm: bool) -> CampaignState:
        """Return the newest state; with `confirm` a deposed primary cannot hide a newer one."""
        ...


MAX_WAITING = 1_000
# A write takes no longer than the two together.
DECIDE_SECONDS = 20.0  # to wait for the lock, to read the log, to decide, and to decide again
APPEND_SECONDS = 10.0  # to send the change and learn its outcome


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
        """Commit the change that `decide` returns; return the states before and after it.

        They are the same when it returns None. `decide` may be called several times.

        Raises:
            ServiceError: what `decide` raises; TooLarge; Unavailable when nothing was
                written; OutcomeUnknown when that cannot be found out.
        """
        return await self._write(self._newest, decide, actor)

    async def renew(self, *, actor: str) -> CampaignState:
        """Assign the log a new store id that continues the store here; return the state after.

        A log that was replaced, emptied or lacks changes is taken as it is. A log that this
        replica saw renewed, with nothing after it, stays as it is: the request is a repeated
        one.

        Raises:
            ServiceError: as `write`.
        """

        async def decide(before: CampaignState) -> ProposedChange | None:
            replica = self._replica
            if replica.renewed and not replica.replaced:
                return None
            if not replica.is_loaded and not before.exists:
                raise Unavailable("the change log is empty and has not been loaded yet")
            if before.exists:
                # Before the renewal can be followed: of a log that lacks changes each replica
                # must go on from the same state, and this one's may have them still.
                await replica.log.save_checkpoint(to_checkpoint(before))
            return renewal(replica.state.store_id if replica.is_loaded else before.store_id)

        _, after = await self._write(self._newest_of_any_log, decide, actor)
        return after

    async def _write(
        self,
        read: Read,
        decide: Decide,
        actor: str,
    ) -> tuple[CampaignState, CampaignState]:
        deadline = asyncio.get_running_loop().time() + DECIDE_SECONDS
        backoff = Backoff(base=0.01, cap=0.5)
        async with self._locked(deadline):
            while True:
                async with _nothing_written_after(deadline):
                    before, proposed = await _decide(read, decide)
                    if proposed is None:
                        return before, before
                    change = await proposed.to_change(before, actor=actor, now=self._clock.now())
                    after = await fold(before, [change])
                    check_sizes(after, change)
                # Taken before the append: the state is known to be the newest as of its start,
                # while another replica may commit as soon as it has landed.
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

    async def _newest(self, *, confirm: bool) -> CampaignState:
        await self._replica.follow(confirm=confirm)
        if self._replica.replaced:
            raise Unavailable(
                f"the change log was replaced ({self._replica.problem}): writes wait for "
                "POST /store/renew"
            )
        return self._replica.state

    async def _newest_of_any_log(self, *, confirm: bool) -> CampaignState:
        replica = self._replica
        if replica.is_loaded:
            await replica.follow(confirm=confirm)
            if not replica.replaced:
                return replica.state
        await replica.log.prepare()
        return await read_as_it_is(replica.log)

    async def _append(self, change: Change) -> bool:
        """Append a change; return False when another one has its revision.

        It is sent again until its outcome is known: of all changes that claim a revision, and
        of all copies of this one, at most one can land.
        """
        sent = False
        backoff = Backoff(base=0.05, cap=0.5)
        try:
            async with asyncio.timeout(APPEND_SECONDS):
                while True:
                    try:
                        is_committed = await self._replica.log.append(change)
                    except ChangeTooLarge:
                        raise TooLarge(
                            f"a change's log document must not be over {MAX_CHANGE_BYTES} bytes"
                        ) from None
                    except AppendUnsettled as error:
                        if not sent:
                            logger.warning("change %s is unsettled: %s", change.id, error)
                        sent = True
                    except LogUnavailable as error:
                        self._replica.appending.failed(error)
                        if not sent:
                            raise _away(error) from error
                    else:
                        self._replica.appending.recovered()
                        return is_committed
                    await asyncio.sleep(backoff.next())
        except TimeoutError:
            logger.warning("change %s at revision %d: outcome unknown", change.id, change.revision)
            self._replica.appending.failed(f"no outcome in {APPEND_SECONDS:g} s")
            raise OutcomeUnknown(
                "outcome unknown: the write may or may not have been made; read it back"
            ) from None


async def _decide(read: Read, decide: Decide) -> tuple[CampaignState, ProposedChange | None]:
    """Return the newest state and the change decided on it.

    An append shows whether the state was the newest one. Where none follows, because the edit
    is refused or changes nothing, it is confirmed by a read, and decided again.
    """
    before = await read(confirm=False)
    with suppress(ServiceError):
        proposed = await decide(before)
        if proposed is not None:
            return before, proposed
    before = await read(confirm=True)
    return before, await decide(before)


@asynccontextmanager
async def _nothing_written_after(deadline: float) -> AsyncIterator[None]:
    """Raise Unavailable at `deadline`, or when the log is away: the block writes nothing."""
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
        len(change.put) + len(change.put_segments),
        len(change.deleted) + len(change.deleted_segments),
    )


def _away(error: LogUnavailable) -> Unavailable:
    logger.debug("nothing was written: %s", error)
    return Unavailable("the change log is away: nothing was written")
