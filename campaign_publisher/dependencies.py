"""Dependencies of the routes: the parts of the running service, and checked parameters."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from fastapi import Depends, Header, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from campaign_publisher.health import examine
from campaign_publisher.log.replica import LogReplica
from campaign_publisher.metrics import metrics_of
from campaign_publisher.publishing.publisher import SnapshotChannel, SnapshotPublisher
from campaign_publisher.publishing.snapshots import Snapshots
from campaign_publisher.segment_service import SegmentService
from campaign_publisher.service import CampaignService
from contracts.keys import KEY_RULE, normalise_key
from foundation.clock import Clock
from foundation.draining import Draining
from foundation.errors import Invalid
from foundation.health import Report
from foundation.metrics import Metrics
from foundation.preconditions import Preconditions
from foundation.slots import Slots
from foundation.tokens import Tokens


@dataclass(frozen=True)
class Parts:
    """The parts of a running campaign service."""

    clock: Clock
    admin_tokens: Tokens
    read_tokens: Tokens | None
    draining: Draining
    replica: LogReplica
    service: CampaignService
    segments: SegmentService
    snapshots: Snapshots
    publisher: SnapshotPublisher
    channel: SnapshotChannel
    validations: Slots


class LifespanState(TypedDict):
    """What the lifespan hands to requests; `draining` is for the reading of bodies."""

    parts: Parts
    draining: Draining


# Either header may be sent in several lines, each a list of ETags.
ETags = Annotated[list[str] | None, Header(description="ETags, or `*` for any")]


async def _parts(request: Request) -> Parts:
    parts: Parts = request.state.parts
    return parts


# For the providers below: a route asks for the one part that it needs.
_Parts = Annotated[Parts, Depends(_parts)]


async def _service(parts: _Parts) -> CampaignService:
    return parts.service


async def _validations(parts: _Parts) -> Slots:
    return parts.validations


async def _segments(parts: _Parts) -> SegmentService:
    return parts.segments


async def _snapshots(parts: _Parts) -> Snapshots:
    return parts.snapshots


async def _clock(parts: _Parts) -> Clock:
    return parts.clock


async def health_report(parts: _Parts) -> Report:
    """Return the report on the running service."""
    draining = parts.draining.started
    return examine(parts.replica, parts.publisher, parts.channel, draining=draining)


async def current_metrics(
    parts: _Parts, report: Annotated[Report, Depends(health_report)]
) -> Metrics:
    """Return the metrics of the running service."""
    return metrics_of(parts.replica, parts.publisher, parts.channel, report)


# For OpenAPI only: the header is checked by Tokens.
_scheme = HTTPBearer(
    auto_error=False,
    description="A token of ADMIN_TOKEN; where READ_TOKEN is set, reads take one of it, too",
)
_bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]


async def _actor(request: Request, parts: _Parts, _: _bearer) -> str:
    return parts.admin_tokens.actor(request.headers.get("authorization"))


async def _reader(request: Request, parts: _Parts, _: _bearer) -> None:
    if parts.read_tokens is not None:
        parts.read_tokens.actor(request.headers.get("authorization"))


async def _name(name: Annotated[str, Path(description=f"The campaign's name: {KEY_RULE}")]) -> str:
    return parse_key(name, "path", "name")


async def _segment_name(
    name: Annotated[str, Path(description=f"The segment's name: {KEY_RULE}")],
) -> str:
    return parse_key(name, "path", "name")


async def _preconditions(if_match: ETags = None, if_none_match: ETags = None) -> Preconditions:
    return Preconditions.of_headers(if_match, if_none_match)


def parse_key(text: str, *loc: str) -> str:
    """Return the name of a campaign, a segment or a game as it is stored.

    Raises:
        Invalid: it can be no such name; the message names `loc`.
    """
    try:
        return normalise_key(text)
    except ValueError as error:
        raise Invalid.at(*loc, msg=str(error)) from None


Service = Annotated[CampaignService, Depends(_service)]
Segments = Annotated[SegmentService, Depends(_segments)]
NewestSnapshot = Annotated[Snapshots, Depends(_snapshots)]
Now = Annotated[Clock, Depends(_clock)]
Validations = Annotated[Slots, Depends(_validations)]
READER = Depends(_reader)
Actor = Annotated[str, Depends(_actor)]
Name = Annotated[str, Depends(_name)]
SegmentName = Annotated[str, Depends(_segment_name)]
Conditions = Annotated[Preconditions, Depends(_preconditions)]
