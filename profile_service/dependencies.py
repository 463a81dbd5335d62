"""What routes ask for: async providers, as sync ones cost a thread hop per request."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from contracts.keys import KEY_RULE, normalise_key
from foundation.draining import Draining
from foundation.errors import Invalid
from foundation.tokens import Tokens
from profile_service.cache.cache import CampaignCache
from profile_service.health import Health
from profile_service.messaging.consumer import EventHandler, Subscription
from profile_service.profiles.updates import PendingUpdates
from profile_service.service import ProfileService


@dataclass(frozen=True)
class ProfileServiceState:
    """The parts of a running profile service."""

    service: ProfileService
    cache: CampaignCache
    updates: PendingUpdates
    events: EventHandler
    subscription: Subscription
    health: Health
    admin_tokens: Tokens
    client_tokens: Tokens | None
    draining: Draining


_bearer = HTTPBearer(auto_error=False, description="A token of ADMIN_TOKEN")


def running_parts(request: Request) -> ProfileServiceState:
    """Give the parts of the running service."""
    return cast("ProfileServiceState", request.app.state.parts)


async def state(request: Request) -> ProfileServiceState:
    """Give the parts of the running service to a route."""
    return running_parts(request)


State = Annotated[ProfileServiceState, Depends(state)]


async def actor(
    request: Request,
    parts: State,
    _documented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> str:
    """Give who sent this request, by the token of ADMIN_TOKEN that came with it."""
    return parts.admin_tokens.actor(request.headers.get("authorization"))


def check_client(request: Request, parts: ProfileServiceState) -> None:
    """Let a game's client in, by a token of CLIENT_TOKEN where that is set.

    Raises:
        Unauthorized: it has none of them.
    """
    if parts.client_tokens is not None:
        parts.client_tokens.actor(request.headers.get("authorization"))


def valid_player_id(text: str) -> str:
    """Give a player id as it stands in a path, normalised.

    Raises:
        Invalid: it cannot be one.
    """
    try:
        return normalise_key(text)
    except ValueError:
        raise Invalid.at("path", "player_id", msg=f"must be {KEY_RULE}") from None


async def player_id(player_id: str) -> str:
    """Give the player id of the path to a route."""
    return valid_player_id(player_id)


Actor = Annotated[str, Depends(actor)]
PlayerId = Annotated[str, Depends(player_id)]
