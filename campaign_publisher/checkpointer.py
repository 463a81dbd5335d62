"""Checkpointer: keeps the state beside the log now and then, so that starts are quick."""

import asyncio
import logging

from campaign_publisher.changes import ChangeLog, LogUnavailable
from campaign_publisher.checkpoints import to_checkpoint
from campaign_publisher.state import CampaignState

logger = logging.getLogger(__name__)


class Checkpointer:
    """Saves the newest state that is due in the background.

    A failure is only logged: a checkpoint saves time at a start, the log holds everything.
    """

    def __init__(self, log: ChangeLog, *, every: int) -> None:
        self._log = log
        self._every = every
        self._due: CampaignState | None = None
        self._wake = asyncio.Event()

    def committed(self, state: CampaignState) -> None:
        """Tell it of a state that this replica has just committed."""
        if state.revision % self._every == 0:
            self._save_soon(state)

    def loaded(self, state: CampaignState, *, folded: int) -> None:
        """Tell it of a state that took `folded` changes to make."""
        if folded > self._every:
            self._save_soon(state)

    def _save_soon(self, state: CampaignState) -> None:
        self._due = state
        self._wake.set()

    async def run(self) -> None:
        """Save what is due until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            state, self._due = self._due, None
            if state is not None:
                await self._save(state)

    async def _save(self, state: CampaignState) -> None:
        try:
            await self._log.save_checkpoint(to_checkpoint(state))
        except LogUnavailable as error:
            logger.warning("no checkpoint at revision %d: %s", state.revision, error)
        else:
            logger.info("kept a checkpoint at revision %d", state.revision)
