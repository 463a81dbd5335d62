"""Keeping up with the log: load it, then follow it, whatever happens to it."""

import asyncio
import logging
from datetime import timedelta

from campaign_publisher.changes import LogUnavailable
from campaign_publisher.ledger import Ledger
from foundation.backoff import Backoff

logger = logging.getLogger(__name__)

MAX_BACKOFF_SECONDS = 2.0


async def keep_up(ledger: Ledger, *, poll_interval: timedelta) -> None:
    """Load the log, then look for changes every `poll_interval`, until cancelled."""
    backoff = Backoff(base=0.1, cap=MAX_BACKOFF_SECONDS)
    failing = False
    while True:
        try:
            async with ledger.turn:
                await (ledger.follow() if ledger.is_loaded else ledger.load())
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
