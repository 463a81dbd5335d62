"""Reading a whole log: from its newest checkpoint on, or from its founding."""

import logging
from uuid import uuid4

from campaign_publisher.log.change import Change, ChangeLog, LogUnavailable, Operation
from campaign_publisher.log.checkpoints import from_checkpoint
from campaign_publisher.log.state import EMPTY, BrokenLog, CampaignState, fold
from foundation.clock import Clock

logger = logging.getLogger(__name__)

FOUNDER = "campaign service"


async def read_whole(log: ChangeLog) -> tuple[CampaignState, int]:
    """Give the state that the log adds up to, and how many changes had to be folded.

    An empty log's state is EMPTY.

    Raises:
        LogUnavailable: the log cannot be read now, or its changes do not follow each other.
    """
    base = await _checkpointed(log)
    try:
        state = await fold(base, log.read(base.revision + 1))
    except BrokenLog as error:
        raise LogUnavailable(f"the log is broken: {error}") from error
    return state, state.revision - base.revision


async def create_store(log: ChangeLog, clock: Clock) -> CampaignState:
    """Give an empty log its first change, which names the store.

    Raises:
        LogUnavailable: it cannot be written now, or somebody else was first.
    """
    founding = Change(
        revision=0,
        id=uuid4(),
        at=clock.now(),
        actor=FOUNDER,
        op=Operation.FOUND,
        store_id=uuid4(),
    )
    if not await log.append(founding):
        raise LogUnavailable("another replica is founding the log")
    logger.info("founded store %s", founding.store_id)
    return await fold(EMPTY, [founding])


async def _checkpointed(log: ChangeLog) -> CampaignState:
    checkpoint = await log.newest_checkpoint()
    if checkpoint is None:
        return EMPTY
    try:
        return await from_checkpoint(checkpoint)
    except ValueError:
        logger.warning(
            "the checkpoint at revision %d cannot be used; reading the whole log",
            checkpoint.revision,
        )
        return EMPTY
