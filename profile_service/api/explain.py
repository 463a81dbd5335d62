"""GET /get_client_config/{player_id}/explain and POST /explain: why a player is in a campaign."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, JsonValue

from contracts.campaign import Campaign, CampaignStatus
from contracts.contract import Contract
from contracts.instants import Instant, format_instant
from contracts.keys import Key
from contracts.profile import InstantText
from foundation.bodies import read_body
from foundation.error_answers import error_answers
from foundation.errors import Invalid
from foundation.paths import key_parameter
from foundation.query import instant_in_query, key_in_query
from foundation.validation import parse_as, parse_json
from profile_service.dependencies import Actor, Explanations, PlayerId
from profile_service.explaining import DEFAULT_LIMIT, MAX_LIMIT, Explanation, Question
from profile_service.profiles.validation import valid_profile

MAX_BODY_BYTES = 2 * 1024 * 1024  # a profile and a campaign

PATH = "/get_client_config/" + key_parameter("player_id") + "/explain"

router = APIRouter(tags=["explain"])


class ExplainedMatcher(BaseModel):
    """A part of a campaign's matchers and its verdict; what does not apply is left out.

    A single condition has `expected`, `actual` and a `reason`; a whole has `parts`, all of
    which are looked at. `cut` says that a value is not shown whole.
    """

    matcher: str
    verdict: bool
    path: str | None = None
    operator: str | None = None
    ignore_case: bool | None = None
    segment: str | None = None
    expected: JsonValue = None
    actual: JsonValue = None
    missing: list[str] | None = None
    forbidden: list[str] | None = None
    cut: bool | None = None
    reason: str | None = None
    parts: list["ExplainedMatcher"] | None = None


class ExplainedOverride(BaseModel):
    """An override that holds for the player."""

    state: Literal["on", "off"]
    variant: str | None
    until: InstantText
    actor: str | None


class ExplainedCampaign(BaseModel):
    """Whether the player is in a campaign, and why.

    `reason` is the first thing that decides, in one sentence. `matches` is the verdict of the
    matchers alone. `variant` is the one that the player has, or would have. `group_winner` is
    the campaign that is in the answer for the group. `matchers` is null in an answer whose
    trees are over 4 MiB.
    """

    name: str
    priority: float
    active: bool
    reason: str
    status: CampaignStatus
    start_date: InstantText | None
    end_date: InstantText | None
    matches: bool
    variant: str | None
    group: str | None
    group_winner: str | None
    override: ExplainedOverride | None
    matchers: ExplainedMatcher | None


class ExplainAnswer(BaseModel):
    """Campaigns in the order of a client's answer, as of one revision.

    `left_out` is how many more there are than the limit.
    """

    player_id: str
    at: InstantText
    revision: int
    stale: bool
    campaigns: list[ExplainedCampaign]
    left_out: int


class ExplainRequest(Contract):
    """What to explain: `profile` or `player_id`, one of the two.

    `campaign` is a campaign as PUT /campaigns/{name} takes it, with its name; `profile` one as
    PUT /profiles/{player_id} takes it, with its player_id. `at` is now by default.
    """

    campaign: dict[str, Any] | None = None
    profile: dict[str, Any] | None = None
    player_id: Key | None = None
    at: Instant | None = None


_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ExplainRequest.model_json_schema()}},
    }
}

CampaignQuery = Annotated[
    str | None, Query(description="The name of the only campaign that is asked for")
]
ActiveQuery = Annotated[
    bool | None,
    Query(description="Only campaigns that the player is in (`true`), or is not in (`false`)"),
]
LimitQuery = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Campaigns in the answer")]


@router.get(
    PATH,
    summary="Why a player is in campaigns, or is not",
    description=(
        "For every campaign, or one: its status at `at` (now by default), whether the player is "
        "in it then, why in one sentence, and the tree of its matchers with what each expects, "
        "what the profile has, and the verdict. The profile is as it is stored now, and the "
        "campaigns are those that the instance holds. `active` is what the client's answer "
        "would be."
    ),
    response_model=ExplainAnswer,
    responses=error_answers(401, 403, 404, 422, 503),
)
async def explain_player(
    _: Actor,
    player_id: PlayerId,
    explaining: Explanations,
    at: Annotated[str | None, Query(description="RFC 3339 date and time")] = None,
    campaign: CampaignQuery = None,
    active: ActiveQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Response:
    question = Question(
        at=None if at is None else instant_in_query(at, "at"),
        campaign=None if campaign is None else key_in_query(campaign, "campaign"),
        is_active=active,
        limit=limit,
    )
    return _answer(await explaining.of_player(player_id, question))


@router.post(
    "/explain",
    summary="Why a player would be in campaigns, for drafts of either",
    description=(
        "The same for a campaign or a profile that is in the body, or both. Nothing is stored. "
        "The campaign takes the place of the stored one of its name, or joins the others, in its "
        "group too; then it is the only one that is explained, unless the query names another. "
        "Segments are those that the instance holds. Of a profile in the body, `lists` and "
        "`overrides` count as if they were stored."
    ),
    response_model=ExplainAnswer,
    responses=error_answers(400, 401, 403, 404, 408, 413, 415, 422, 503),
    openapi_extra=_BODY,
)
async def explain(
    _: Actor,
    request: Request,
    explaining: Explanations,
    campaign: CampaignQuery = None,
    active: ActiveQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Response:
    body = await read_body(request, limit=MAX_BODY_BYTES, what="a campaign and a profile")
    asked = parse_as(ExplainRequest, parse_json(body))
    draft = None if asked.campaign is None else _draft(asked.campaign)
    named = None if campaign is None else key_in_query(campaign, "campaign")
    question = Question(
        at=asked.at,
        draft=draft,
        campaign=draft.name if named is None and draft is not None else named,
        is_active=active,
        limit=limit,
    )
    if asked.profile is not None and asked.player_id is not None:
        raise Invalid.at("player_id", msg="must be left out beside profile: give one of the two")
    if asked.profile is not None:
        profile = valid_profile(asked.profile, loc=("profile",))
        return _answer(await explaining.of_profile(profile, question))
    if asked.player_id is None:
        raise Invalid.at("player_id", msg="is required, or a profile in its place")
    return _answer(await explaining.of_player(asked.player_id, question))


def _draft(value: dict[str, Any]) -> Campaign:
    # As a PUT takes it, which sets this field itself.
    given = {key: item for key, item in value.items() if key != "last_updated"}
    return parse_as(Campaign, given, "campaign")


def _answer(explanation: Explanation) -> Response:
    content = {
        "player_id": explanation.player_id,
        "at": format_instant(explanation.at),
        "revision": explanation.revision,
        "stale": explanation.stale,
        "campaigns": [orjson.Fragment(each) for each in explanation.campaigns],
        "left_out": explanation.left_out,
    }
    return Response(orjson.dumps(content), media_type="application/json")
