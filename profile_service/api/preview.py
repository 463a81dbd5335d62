"""POST /preview: how many players matchers would reach."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from contracts.campaign import Campaign
from contracts.contract import Contract
from contracts.matchers import WholeMatchers
from foundation.bodies import read_body
from foundation.error_answers import error_answers
from foundation.errors import Invalid
from foundation.validation import parse_as, parse_json
from profile_service.dependencies import Actor, Previews

MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_SAMPLE = 100
DEFAULT_SAMPLE = 10

router = APIRouter(tags=["preview"])


class PreviewRequest(Contract):
    """Whom to count: `matchers` or a `campaign`, one of the two.

    `campaign` is a campaign as PUT /campaigns/{name} takes it, with its name. `sample` is how
    many ids are wanted.
    """

    matchers: WholeMatchers | None = None
    campaign: dict[str, Any] | None = None
    sample: Annotated[int, Field(ge=0, le=MAX_SAMPLE)] = DEFAULT_SAMPLE


class PreviewAnswer(BaseModel):
    """How many of the stored profiles match, and the ids of some of them.

    Unless it is `exact`, the time was over and `matching` is a lower bound. `total` is the
    store's own number of its profiles. `took_ms` is in milliseconds.
    """

    matching: int
    total: int
    exact: bool
    sample: list[str]
    took_ms: float


_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": PreviewRequest.model_json_schema()}},
    }
}


@router.post(
    "/preview",
    summary="How many players matchers would reach",
    description=(
        "Counts the stored profiles that the matchers match now, those of a campaign or bare "
        "ones. The matchers alone count: a campaign's dates, stage and group, and the overrides "
        "of players, do not. Segments are those that the instance holds. A rollout without a salt "
        "takes the campaign's name, or an empty one where there is no campaign. MongoDB counts "
        "what it can decide on; what it cannot (rollouts, versions, dates that are stored as "
        "text) is decided here, profile by profile. Both end after PREVIEW_TIMEOUT, and the "
        "answer is then a lower bound: `exact` is false. Two previews are made at a time; more "
        "are refused with 503."
    ),
    responses=error_answers(400, 401, 403, 408, 413, 415, 422, 503),
    openapi_extra=_BODY,
)
async def preview(_: Actor, request: Request, previews: Previews) -> PreviewAnswer:
    body = await read_body(request, limit=MAX_BODY_BYTES, what="a preview")
    asked = parse_as(PreviewRequest, parse_json(body))
    if asked.campaign is not None and asked.matchers is not None:
        raise Invalid.at("matchers", msg="must be left out beside campaign: give one of the two")
    if asked.campaign is not None:
        found = await previews.of_campaign(_draft(asked.campaign), sample=asked.sample)
    elif asked.matchers is not None:
        found = await previews.of_matchers(asked.matchers, sample=asked.sample)
    else:
        raise Invalid.at("matchers", msg="is required, or a campaign in its place")
    return PreviewAnswer(
        matching=found.matching,
        total=found.total,
        exact=found.is_exact,
        sample=found.sample,
        took_ms=round(found.seconds * 1000, 1),
    )


def _draft(value: dict[str, Any]) -> Campaign:
    # As a PUT takes it, which sets this field itself.
    given = {key: item for key, item in value.items() if key != "last_updated"}
    return parse_as(Campaign, given, "campaign")
