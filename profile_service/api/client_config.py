"""GET /get_client_config/{player_id}: what a game's client asks when it starts."""

from fastapi import APIRouter, Request, Response

from contracts.profile import Profile
from foundation.http import error_answers
from profile_service.dependencies import PlayerId, State, check_client
from profile_service.rendering import render

router = APIRouter(tags=["clients"])


@router.get(
    "/get_client_config/{player_id}",
    summary="A player's profile with the active campaigns",
    description=(
        "The stored profile, every field as it is stored, with `active_campaigns` set to the "
        "names of the campaigns that are active now and match the profile: highest priority "
        "first, equal ones by name. The headers tell which revision of the campaigns was "
        "compared, how many seconds ago it was known to be the newest, and whether that is "
        "longer ago than the campaigns' time to live."
    ),
    response_model=Profile,
    responses={
        200: {
            "headers": {
                "X-Campaigns-Revision": {"schema": {"type": "integer"}},
                "X-Campaigns-Age": {"schema": {"type": "number"}, "description": "seconds"},
                "X-Campaigns-Stale": {
                    "schema": {"type": "string", "enum": ["true"]},
                    "description": "only when the campaigns may be out of date",
                },
            }
        },
        **error_answers(401, 404, 422, 503),
    },
    # Only where CLIENT_TOKEN is set.
    openapi_extra={"security": [{}, {"HTTPBearer": []}]},
)
async def get_client_config(request: Request, player_id: PlayerId, parts: State) -> Response:
    check_client(request, parts)
    config = await parts.service.client_config(player_id)
    headers = {
        "x-campaigns-revision": str(config.revision),
        "x-campaigns-age": f"{config.age:.3f}",
    }
    if config.stale:
        headers["x-campaigns-stale"] = "true"
    return Response(render(config.document), headers=headers, media_type="application/json")
