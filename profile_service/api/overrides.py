"""PUT, GET, DELETE /profiles/{player_id}/overrides: testers, who are in a campaign or out of it."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from contracts.profile import Override
from foundation.bodies import read_body
from foundation.error_answers import error_answers
from foundation.paths import key_parameter
from foundation.validation import parse_json
from profile_service.dependencies import Actor, CampaignName, PlayerId, Service
from profile_service.profiles.overrides import OverrideRequest
from profile_service.profiles.rendering import render

MAX_OVERRIDE_BYTES = 16 * 1024

OVERRIDES_PATH = "/" + key_parameter("player_id") + "/overrides"
PATH = f"{OVERRIDES_PATH}/{key_parameter('campaign')}"

# Before the routes of profiles, whose ids take the rest of a path.
router = APIRouter(prefix="/profiles", tags=["testers"])


class OverridesAnswer(BaseModel):
    """The overrides of a player that hold now."""

    overrides: list[Override]


_OVERRIDE_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": OverrideRequest.model_json_schema()}},
    }
}


@router.put(
    PATH,
    summary="Put a player into a campaign, or keep the player out of it",
    description=(
        "For testers. `on`: the player is in the campaign whatever its matchers, dates, stage, "
        "rollout and group say, with `variant` if it is named. `off`: the player is not in it, "
        "whatever else holds. `until` is at most 30 days ahead, and is that unless it is named. "
        "The name of the token is kept as `actor`. A player has at most 100 overrides; those "
        "that have ended are dropped by the next write. The campaign need not exist: an instance "
        "may not know it yet, and an override of one that there is not has no effect. The profile "
        "must exist, and nothing else of it is changed: its ETag stays."
    ),
    response_model=Override,
    responses=error_answers(400, 401, 403, 404, 408, 409, 413, 415, 422, 503),
    openapi_extra=_OVERRIDE_BODY,
)
async def put(
    actor: Actor, request: Request, player_id: PlayerId, campaign: CampaignName, service: Service
) -> Response:
    body = await read_body(request, limit=MAX_OVERRIDE_BYTES, what="an override")
    override = await service.set_override(player_id, campaign, parse_json(body), actor=actor)
    return _json(override.model_dump_json(exclude_none=True).encode())


@router.get(
    OVERRIDES_PATH,
    summary="Read a player's overrides",
    description="Those that hold now, as they are stored; what others stored there that is none "
    "is left out.",
    response_model=OverridesAnswer,
    responses=error_answers(401, 403, 404, 422, 503),
)
async def get(_: Actor, player_id: PlayerId, service: Service) -> Response:
    return _json(render({"overrides": await service.overrides(player_id)}))


@router.delete(
    PATH,
    summary="Remove an override",
    description="From then on the campaign is for the player what it is for all others.",
    status_code=204,
    response_model=None,
    responses=error_answers(401, 403, 404, 422, 503),
)
async def delete(
    _: Actor, player_id: PlayerId, campaign: CampaignName, service: Service
) -> Response:
    await service.remove_override(player_id, campaign)
    return Response(status_code=204)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
