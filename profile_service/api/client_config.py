"""GET /get_client_config/{player_id}: the request of a game's client when it starts."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated
from unicodedata import normalize
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, JsonValue
from starlette.convertors import register_url_convertor
from starlette.types import Receive, Scope, Send

from contracts.profile import InstantText, Profile
from foundation.error_answers import COMMON_ERRORS, UNCHANGED, error_answers
from foundation.errors import ServiceError
from foundation.etags import etag_of, is_unchanged
from foundation.paths import KeyConvertor
from profile_service.dependencies import (
    Parts,
    PlayerId,
    check_client,
    parts_of,
    valid_player_id,
)
from profile_service.profiles.rendering import render
from profile_service.service import Wanted

Header = tuple[bytes, bytes]

_JSON: Header = (b"content-type", b"application/json")
# Private to a player: no proxy may store it, and a client revalidates its copy.
_CACHE_CONTROL: Header = (b"cache-control", b"private, no-cache")
_STALE: Header = (b"x-campaigns-stale", b"true")
_OVERRIDDEN: Header = (b"x-campaigns-overridden", b"true")


class OfferedCampaign(BaseModel):
    """What a client needs of a campaign; `payload` is that of the variant where it has one."""

    name: str
    priority: float
    variant: str | None
    payload: JsonValue
    tags: list[str]
    end_date: InstantText | None


class ClientConfig(Profile):
    """A profile as a client receives it; `campaigns` is there where it was asked for."""

    campaigns: list[OfferedCampaign] | None = None


class ReadyAnswer(Response):
    """An answer whose headers are encoded already."""

    def __init__(self, status: int, body: bytes, headers: list[Header]) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = headers


class HotRoute(APIRoute):
    """Answers without FastAPI's dependencies: solving them takes longer than the answer.

    The parameters of `get_client_config` are declared for /docs; dependency_overrides have no
    effect here.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path matches; the app's handlers answer errors."""
        if self.methods and scope["method"] not in self.methods:
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive)
        player_id = valid_player_id(scope["path_params"]["player_id"])
        response = await _answer(request, player_id, parts_of(scope))
        await response(scope, receive, send)


class PlayerConvertor(KeyConvertor):
    """A key, but not the path of an explanation, which another route answers.

    To try that route first would cost every client its time.
    """

    regex = rf"(?!{KeyConvertor.regex}/explain\Z){KeyConvertor.regex}"


register_url_convertor("player", PlayerConvertor())

PATH = "/get_client_config/{player_id:player}"

router = APIRouter(tags=["clients"], route_class=HotRoute)


@router.get(
    PATH,
    summary="A player's profile with the active campaigns",
    description=(
        "The stored profile, every field as it is stored, with `active_campaigns` set to the "
        "names of the campaigns that are active now and match the profile: highest priority "
        "first, ties by name. The headers name the revision of the campaigns that was used, "
        "how many seconds ago it was known to be the newest, and whether that is longer ago "
        "than the campaigns' time to live. With the ETag of an earlier answer as "
        "`If-None-Match`, an answer that has not changed is a 304 with the same headers. "
        "`?include=campaigns` adds what a client needs of each of the campaigns, in the same "
        "order; with `tags`, of those that have one of the tags. The profile's `lists` and "
        "`overrides` are for operators and are left out."
    ),
    response_model=ClientConfig,
    responses={
        200: {
            "headers": {
                "ETag": {"schema": {"type": "string"}},
                "X-Campaigns-Revision": {"schema": {"type": "integer"}},
                "X-Campaigns-Age": {"schema": {"type": "number"}, "description": "seconds"},
                "X-Campaigns-Stale": {
                    "schema": {"type": "string", "enum": ["true"]},
                    "description": "only when the campaigns may be out of date",
                },
                "X-Campaigns-Overridden": {
                    "schema": {"type": "string", "enum": ["true"]},
                    "description": "only when an override decides on one of the campaigns",
                },
            }
        },
        **UNCHANGED,
        **error_answers(401, 404, 422, 503),
        **COMMON_ERRORS,
    },
    # Only where CLIENT_TOKEN is set.
    openapi_extra={"security": [{}, {"HTTPBearer": []}]},
)
async def get_client_config(
    request: Request,
    player_id: PlayerId,
    include: Annotated[
        str | None, Query(description="`campaigns`, or nothing; other values are ignored")
    ] = None,
    tags: Annotated[
        str | None, Query(description="Tags separated by commas, of which a campaign has one")
    ] = None,
) -> Response:
    # For /docs: the query is read where it is needed, as most requests have none.
    _ = include, tags
    return await _answer(request, player_id, parts_of(request.scope))


async def _answer(request: Request, player_id: str, parts: Parts) -> Response:
    try:
        check_client(request, parts)
        query = request.scope["query_string"]
        config = await parts.service.client_config(player_id, _wanted(query) if query else None)
    except ServiceError as error:
        # A cache may store a 404 by default, and the player may be created in a moment.
        error.headers["Cache-Control"] = "private, no-cache"
        raise
    body = render(config.document)
    etag = etag_of(body)
    headers = [
        (b"etag", etag.encode()),
        _CACHE_CONTROL,
        _revision_header(config.revision),
        (b"x-campaigns-age", b"%.3f" % config.age),
    ]
    if config.stale:
        headers.append(_STALE)
    if config.overridden:
        headers.append(_OVERRIDDEN)
    if is_unchanged(request.scope["headers"], etag):
        return ReadyAnswer(304, b"", headers)
    return ReadyAnswer(200, body, [(b"content-length", b"%d" % len(body)), _JSON, *headers])


def _wanted(query: bytes) -> Wanted | None:
    """Read what else a client asks for; what is not known in a query is ignored."""
    asked = parse_qs(query.decode("latin-1"))
    if "campaigns" not in _listed(asked.get("include", ())):
        return None
    tags = _listed(asked.get("tags", ()))
    return Wanted(frozenset(normalize("NFC", tag) for tag in tags) if tags else None)


def _listed(values: Iterable[str]) -> list[str]:
    return [each for value in values for each in value.split(",") if each]


@lru_cache(maxsize=8)
def _revision_header(revision: int) -> Header:
    return b"x-campaigns-revision", b"%d" % revision
