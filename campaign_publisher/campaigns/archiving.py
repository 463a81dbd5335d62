"""Archiving: campaigns that ended long ago are taken out of the state, by a change of the log."""

import asyncio
import random
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from campaign_publisher.campaigns.commits import Committer
from campaign_publisher.campaigns.edits import ProposedChange, archiving
from campaign_publisher.log.change import SERVICE_ACTOR
from campaign_publisher.log.replica import LogReplica
from campaign_publisher.log.state import CampaignState
from foundation.clock import Clock
from foundation.errors import ServiceError

LOOK_SECONDS = 600.0


async def archive_ended(
    replica: LogReplica, committer: Committer, *, after: timedelta, clock: Clock
) -> None:
    """Archive campaigns that ended longer than `after` ago, until cancelled.

    Every replica looks, some minutes apart; whichever looks first writes the change.
    """
    looked_at = clock.now()
    while True:
        await asyncio.sleep(random.uniform(0.5, 1.0) * LOOK_SECONDS)  # noqa: S311
        # The earlier date of two looks: one that is wrong for a moment archives nothing.
        before, looked_at = looked_at, clock.now()
        ended_before = _start_of_hour(min(before, looked_at)) - after
        if not replica.is_authoritative or archiving(replica.state, ended_before) is None:
            continue
        # Decided again on the newest state, where another replica may have archived them. An
        # error is logged where it arises, and the next look tries again.
        with suppress(ServiceError):
            await committer.write(partial(_decide, ended_before), actor=SERVICE_ACTOR)


async def _decide(ended_before: datetime, state: CampaignState) -> ProposedChange | None:
    return archiving(state, ended_before)


def _start_of_hour(moment: datetime) -> datetime:
    """Return the start of the hour: all replicas archive up to the same instant, once an hour."""
    return moment.replace(minute=0, second=0, microsecond=0)
