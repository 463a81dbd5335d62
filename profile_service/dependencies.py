"""Dependencies of the routes: async providers, as sync ones cost a thread hop per request."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from fastapi import Depends, Header, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import Scope

from contracts.keys import KEY_RULE, normalise_key
from contracts.profile import OVERRIDES_FIELD
from foundation.draining import Draining
from foundation.errors import Invalid
from foundation.health import Report
from foundation.metrics import Metrics
from foundation.preconditions import Preconditions
from foundation.tokens import Tokens
from profile_service.cache.cache import CampaignCache
from profile_service.cache.refetcher import Refetcher
from profile_service.explaining import Explaining
from profile_service.health import Health
from profile_service.messaging.subscription import Subscription
from profile_service.metrics import metrics_of
from profile_service.previewing import Previewing
from profile_service.profiles.lists import PlayerLists
from profile_service.profiles.updates import PendingUpdates
from profile_service.service import ProfileService


@dataclass(frozen=True)
class Parts:
    """The parts of a running profile service."""

    service: ProfileService
    explaining: Explaining
    cache: CampaignCache
    updates: PendingUpdates
    previewing: Previewing
    refetcher: Refetcher
    subscription: Subscription
    health: Health
    admin_tokens: Tokens
    client_tokens: Tokens | None
    draining: Draining


class LifespanState(TypedDict):
    """What the lifespan hands to requests; `draining` is for the reading of bodies."""

    parts: Parts
    draining: Draining


def parts_of(scope: Scope) -> Parts:
    """Return the parts of the running service.

    This is the hot route's way, too: the scope is read, as `request.state` takes 2 µs longer.
    """
    parts: Parts = scope["state"]["parts"]
    return parts


async def _parts(request: Request) -> Parts:
    return parts_of(request.scope)


# For the providers below: a route asks for the one part that it needs.
_Parts = Annotated[Parts, Depends(_parts)]


async def _service(parts: _Parts) -> ProfileService:
    return parts.service


async def _previewing(parts: _Parts) -> Previewing:
    return parts.previewing


async def _explaining(parts: _Parts) -> Explaining:
    return parts.explaining


async def _refetcher(parts: _Parts) -> Refetcher:
    return parts.refetcher


async def health_report(parts: _Parts) -> Report:
    """Return the report on the running service."""
    return await parts.health.report()


async def current_metrics(
    parts: _Parts, report: Annotated[Report, Depends(health_report)]
) -> Metrics:
    """Return the metrics of the running service."""
    return metrics_of(
        report,
        loader=parts.service.loader,
        cache=parts.cache,
        subscription=parts.subscription,
        refetcher=parts.refetcher,
        updates=parts.updates,
    )


# For OpenAPI only: the header is checked by Tokens.
_scheme = HTTPBearer(
    auto_error=False,
    description="A token of ADMIN_TOKEN; where CLIENT_TOKEN is set, clients take one of it, too",
)
_bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]


async def _actor(request: Request, parts: _Parts, _: _bearer) -> str:
    return parts.admin_tokens.actor(request.headers.get("authorization"))


def check_client(request: Request, parts: Parts) -> None:
    """Check the token of a game's client, where CLIENT_TOKEN is set.

    Raises:
        Unauthorized: it has none of them.
    """
    if parts.client_tokens is not None:
        parts.client_tokens.actor(request.headers.get("authorization"))


def valid_player_id(text: str) -> str:
    """Return a player id as it stands in a path, normalised.

    Raises:
        Invalid: it cannot be one.
    """
    return _key_in_path("player_id", text)


def _key_in_path(parameter: str, text: str) -> str:
    try:
        return normalise_key(text)
    except ValueError:
        raise Invalid.at("path", parameter, msg=f"must be {KEY_RULE}") from None


async def _player_id(player_id: str) -> str:
    return valid_player_id(player_id)


async def _campaign_name(campaign: str) -> str:
    return _key_in_path("campaign", campaign)


async def _list_name(list_name: Annotated[str, Path(alias="list")]) -> str:
    name = _key_in_path("list", list_name)
    if name == OVERRIDES_FIELD:
        # /profiles/lists/overrides are the overrides of the player who is called "lists".
        raise Invalid.at("path", "list", msg=f"must not be {OVERRIDES_FIELD!r}")
    return name


async def _draining(parts: _Parts) -> Draining:
    return parts.draining


async def _lists(parts: _Parts) -> PlayerLists:
    return parts.service.lists


# Either header may be sent in several lines, each a list of ETags.
ETags = Annotated[list[str] | None, Header(description="ETags, or `*` for any")]


async def _preconditions(if_match: ETags = None, if_none_match: ETags = None) -> Preconditions:
    return Preconditions.of_headers(if_match, if_none_match)


Service = Annotated[ProfileService, Depends(_service)]
Previews = Annotated[Previewing, Depends(_previewing)]
Explanations = Annotated[Explaining, Depends(_explaining)]
Refetches = Annotated[Refetcher, Depends(_refetcher)]
Conditions = Annotated[Preconditions, Depends(_preconditions)]
Actor = Annotated[str, Depends(_actor)]
PlayerId = Annotated[str, Depends(_player_id)]
CampaignName = Annotated[str, Depends(_campaign_name)]
ListName = Annotated[str, Depends(_list_name)]
Lists = Annotated[PlayerLists, Depends(_lists)]
Stopping = Annotated[Draining, Depends(_draining)]
