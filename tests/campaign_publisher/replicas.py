"""Replicas of a campaign service, without HTTP, on a log in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from campaign_publisher.campaigns.commits import Committer
from campaign_publisher.log.change import (
    Change,
    ChangeLog,
    Operation,
)
from campaign_publisher.log.checkpoints import Checkpointer
from campaign_publisher.log.replica import LogReplica
from campaign_publisher.log.state import EMPTY, CampaignState, fold
from campaign_publisher.segment_service import SegmentService
from campaign_publisher.service import CampaignService
from contracts.campaign import Campaign, LoggedCampaign
from contracts.segment import LoggedSegment, Segment
from foundation.clock import Clock
from testbed.builders import NOW, STORE_ID, a_head
from testbed.fakes import FakeClock

POLL = timedelta(seconds=1)
CHECKPOINT_EVERY = 500


@dataclass(frozen=True)
class Replica:
    """One campaign service without HTTP."""

    log_replica: LogReplica
    service: CampaignService
    commits: Committer
    checkpointer: Checkpointer
    segments: SegmentService

    @property
    def state(self) -> CampaignState:
        """The state that it holds."""
        return self.log_replica.state


def a_replica(
    log: ChangeLog, *, clock: Clock | None = None, every: int = CHECKPOINT_EVERY
) -> Replica:
    """Return a replica that has not read the log yet."""
    clock = clock or FakeClock()
    checkpointer = Checkpointer(log, every=every)
    log_replica = LogReplica(log, clock=clock, poll_interval=POLL, checkpointer=checkpointer)
    commits = Committer(log_replica, clock=clock)
    return Replica(
        log_replica,
        CampaignService(log_replica, commits),
        commits,
        checkpointer,
        SegmentService(log_replica, commits),
    )


async def a_loaded_replica(log: ChangeLog, *, clock: Clock | None = None) -> Replica:
    """Return a replica that has read the log, or created it."""
    replica = a_replica(log, clock=clock)
    await replica.log_replica.load()
    return replica


def a_change(
    revision: int,
    *put: Campaign,
    id: UUID | None = None,  # noqa: A002 - it is the field's name
    previous: UUID | None = None,
    actor: str = "me",
    deleted: Iterable[str] = (),
    store_id: UUID | None = None,
    renewed_from: UUID | None = None,
    put_segments: Iterable[Segment] = (),
    deleted_segments: Iterable[str] = (),
) -> Change:
    """Return a change that puts campaigns and segments.

    Without an id it has the one of its revision; without `previous` it follows the change
    with the id of the revision before.
    """
    return Change(
        revision=revision,
        id=id or a_head(revision),
        previous=previous or (a_head(revision - 1) if revision else None),
        at=NOW,
        actor=actor,
        op=Operation.PUT,
        put=tuple(LoggedCampaign.of(campaign) for campaign in put),
        deleted=tuple(deleted),
        store_id=store_id or (None if revision else STORE_ID),
        renewed_from=renewed_from,
        put_segments=tuple(LoggedSegment.of(segment) for segment in put_segments),
        deleted_segments=tuple(deleted_segments),
    )


async def a_state(*campaigns: Campaign, segments: Iterable[Segment] = ()) -> CampaignState:
    """Return the state of a log whose second and last change puts campaigns and segments."""
    return await fold(EMPTY, [a_change(0), a_change(1, *campaigns, put_segments=segments)])
