"""What requests are given: the parts of the running service, and what their headers say."""

from typing import Annotated, TypedDict

from fastapi import Depends, Header, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from campaign_publisher.health import Health, examine
from campaign_publisher.log.replica import LogReplica
from campaign_publisher.publishing.publisher import SnapshotChannel, SnapshotPublisher
from campaign_publisher.publishing.snapshots import Snapshots
from campaign_publisher.service import CampaignService
from contracts.keys import KEY_RULE, normalise_key
from foundation.clock import Clock
from foundation.draining import Draining
from foundation.errors import Invalid
from foundation.preconditions import Preconditions
from foundation.tokens import Tokens


class State(TypedDict):
    """What the lifespan hands to requests."""

    clock: Clock
    tokens: Tokens
    read_tokens: Tokens | None
    draining: Draining
    replica: LogReplica
    service: CampaignService
    snapshots: Snapshots
    publisher: SnapshotPublisher
    channel: SnapshotChannel


# Either header may be sent in several lines, each a list of ETags.
ETags = Annotated[list[str] | None, Header(description="ETags, or `*` for any")]


async def _service(request: Request) -> CampaignService:
    service: CampaignService = request.state.service
    return service


async def _snapshots(request: Request) -> Snapshots:
    snapshots: Snapshots = request.state.snapshots
    return snapshots


async def _clock(request: Request) -> Clock:
    clock: Clock = request.state.clock
    return clock


async def _health(request: Request) -> Health:
    state = request.state
    draining: Draining = state.draining
    return examine(state.replica, state.publisher, state.channel, draining=draining.started)


# Documents that a token is taken; the tokens judge the header themselves.
_bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


async def _actor(request: Request, _: _bearer) -> str:
    tokens: Tokens = request.state.tokens
    return tokens.actor(request.headers.get("authorization"))


async def _reader(request: Request, _: _bearer) -> None:
    tokens: Tokens | None = request.state.read_tokens
    if tokens is not None:
        tokens.actor(request.headers.get("authorization"))


async def _name(name: Annotated[str, Path(description=f"The campaign's name: {KEY_RULE}")]) -> str:
    return parse_key(name, "path", "name")


async def _preconditions(if_match: ETags = None, if_none_match: ETags = None) -> Preconditions:
    return Preconditions.of_headers(if_match, if_none_match)


def parse_key(text: str, *loc: str) -> str:
    """Give a campaign's or a game's name as it is stored.

    Raises:
        Invalid: it can be no such name; the message names `loc`.
    """
    try:
        return normalise_key(text)
    except ValueError as error:
        raise Invalid.at(*loc, msg=str(error)) from None


Service = Annotated[CampaignService, Depends(_service)]
NewestSnapshot = Annotated[Snapshots, Depends(_snapshots)]
Now = Annotated[Clock, Depends(_clock)]
CurrentHealth = Annotated[Health, Depends(_health)]
READER = Depends(_reader)
Actor = Annotated[str, Depends(_actor)]
Name = Annotated[str, Depends(_name)]
Conditions = Annotated[Preconditions, Depends(_preconditions)]
