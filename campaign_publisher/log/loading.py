"""Reading a whole log: from its newest checkpoint on, or from its first change."""

import logging
from contextlib import aclosing
from dataclasses import replace
from uuid import uuid4

from campaign_publisher.log.change import (
    SERVICE_ACTOR,
    Change,
    ChangeLog,
    LogUnavailable,
    Operation,
)
from campaign_publisher.log.checkpoints import from_checkpoint
from campaign_publisher.log.state import EMPTY, CampaignState, fold
from contracts.contract import MAX_INTEGER
from foundation.clock import Clock

logger = logging.getLogger(__name__)


async def read_whole(log: ChangeLog) -> tuple[CampaignState, int]:
    """Return the state that the log adds up to, and how many changes had to be folded.

    An empty log's state is EMPTY. What a renewal took as it was, gaps included, is no error.

    Raises:
        LogUnavailable: the log cannot be read now.
        BrokenLog: changes after the newest renewal do not form a chain.
    """
    return await _read_from_checkpoint(log, strict_after=await log.newest_store() - 1)


async def read_as_it_is(log: ChangeLog) -> CampaignState:
    """Return the state of the changes that the log holds, whatever is missing between them.

    Raises:
        LogUnavailable: the log cannot be read now.
    """
    state, _ = await _read_from_checkpoint(log, strict_after=MAX_INTEGER)
    return state


async def _read_from_checkpoint(log: ChangeLog, *, strict_after: int) -> tuple[CampaignState, int]:
    base, folded = await _checkpointed(log)
    async with aclosing(log.read(base.revision + 1)) as changes:
        state = await fold(base, changes, strict_after=strict_after)
    return state, folded + state.revision - base.revision


async def create_store(log: ChangeLog, clock: Clock) -> CampaignState:
    """Append the first change of an empty log, which names the store, and return its state.

    Raises:
        LogUnavailable: it cannot be written now, or another replica was first.
    """
    founding = Change(
        revision=0,
        id=uuid4(),
        at=clock.now(),
        actor=SERVICE_ACTOR,
        op=Operation.FOUND,
        store_id=uuid4(),
    )
    if not await log.append(founding):
        raise LogUnavailable("another replica is founding the log")
    logger.info("founded store %s", founding.store_id)
    return await fold(EMPTY, [founding])


async def _checkpointed(log: ChangeLog) -> tuple[CampaignState, int]:
    """Return the state of the newest checkpoint, and how many changes had to be folded for it."""
    checkpoint = await log.newest_checkpoint()
    if checkpoint is None:
        return EMPTY, 0
    try:
        found = await from_checkpoint(checkpoint)
    except ValueError:
        logger.warning(
            "the checkpoint at revision %d cannot be used; reading the whole log",
            checkpoint.revision,
        )
        return EMPTY, 0
    if found.has_segments:
        return found.state, 0
    # Its campaigns are kept: the log may lack changes that they come from.
    logger.info("the checkpoint at revision %d has no segments: reading them", checkpoint.revision)
    async with aclosing(log.read(0)) as changes:
        whole = await fold(EMPTY, changes, strict_after=MAX_INTEGER)
    # Changes after the checkpoint are in it already: they do nothing to it when folded again.
    return replace(found.state, segments=whole.segments), checkpoint.revision + 1
