"""/campaigns: reads and writes of operators."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from campaign_publisher.api.query import StatusQuery, parse_selection
from campaign_publisher.api.responses import (
    answer_of,
    body_of,
    cached_answer,
    json_answer,
    list_of,
    written_answer,
)
from campaign_publisher.campaigns.limits import MAX_CAMPAIGN_BYTES, MAX_IMPORT_BYTES
from campaign_publisher.campaigns.parsing import parse_campaign, parse_campaigns
from campaign_publisher.dependencies import READER, Actor, Conditions, Name, Now, Service
from campaign_publisher.service import Imported
from contracts.campaign import Campaign
from foundation.bodies import read_body
from foundation.error_answers import UNCHANGED, error_answers
from foundation.errors import Invalid
from foundation.etags import etag_of
from foundation.paths import key_parameter
from foundation.validation import parse_json

WRITE_ERRORS = error_answers(401, 403, 412, 422, 503)
BODY_ERRORS = error_answers(400, 408, 413, 415)

Instant = Annotated[str | None, Query(description="RFC 3339, such as 2022-01-25T00:00:00Z")]

PATH = "/" + key_parameter("name")

router = APIRouter(prefix="/campaigns", tags=["campaigns"])


@router.get(
    "",
    dependencies=[READER],
    summary="List campaigns",
    description="The campaigns that are active now, highest priority first, ties by name. `at` "
    "selects another time, `status` another status; `start_date` and `end_date` select the "
    "campaigns that are active at some time between them (the end excluded).",
    responses={
        200: answer_of(list_of(Campaign), "The campaigns"),
        **UNCHANGED,
        **error_answers(401, 422, 503),
    },
)
async def list_campaigns(
    request: Request,
    service: Service,
    clock: Now,
    at: Instant = None,
    start_date: Instant = None,
    end_date: Instant = None,
    status: StatusQuery | None = None,
    game: str | None = None,
) -> Response:
    selection = parse_selection(
        at=at,
        start_date=start_date,
        end_date=end_date,
        status=status,
        game=game,
        now=clock.now(),
    )
    body = service.select(selection)
    return cached_answer(request, body, etag_of(body))


@router.post(
    "/import",
    summary="Replace all campaigns",
    description="The list replaces all campaigns, in one revision or not at all. Campaigns that "
    "it does not change keep their ETag. `If-Match` takes the ETag of GET /snapshot.",
    responses={200: {"model": Imported}, **WRITE_ERRORS, **BODY_ERRORS},
    openapi_extra=body_of(list_of(Campaign)),
)
async def import_campaigns(
    request: Request, actor: Actor, service: Service, conditions: Conditions
) -> Response:
    body = await read_body(request, limit=MAX_IMPORT_BYTES, what="an import of campaigns")
    campaigns = await parse_campaigns(parse_json(body))
    imported = await service.replace_all(campaigns, conditions, actor=actor)
    return json_answer(orjson.dumps(imported))


@router.get(
    PATH,
    dependencies=[READER],
    summary="Get a campaign",
    description="The campaign as it is stored; its ETag is for `If-Match` of a later write.",
    responses={200: {"model": Campaign}, **UNCHANGED, **error_answers(401, 404, 422, 503)},
)
async def get_campaign(request: Request, name: Name, service: Service) -> Response:
    found = service.campaign(name)
    return cached_answer(request, found.json, found.etag)


@router.put(
    PATH,
    summary="Create or replace a campaign",
    description="With `If-Match` it is written only if the campaign has that ETag, with "
    "`If-None-Match: *` only if there is none. A `last_updated` is ignored: the service sets it.",
    responses={
        200: {"model": Campaign, "description": "It was replaced, or is unchanged"},
        201: {"model": Campaign, "description": "It was created"},
        **WRITE_ERRORS,
        **BODY_ERRORS,
    },
    openapi_extra=body_of(Campaign),
)
async def put_campaign(
    request: Request, actor: Actor, name: Name, service: Service, conditions: Conditions
) -> Response:
    body = await read_body(request, limit=MAX_CAMPAIGN_BYTES, what="a campaign")
    campaign = parse_campaign(parse_json(body), name)
    return written_answer(await service.put(campaign, conditions, actor=actor))


@router.patch(
    PATH,
    summary="Change parts of a campaign",
    description="A JSON merge patch (RFC 7396): a value replaces a field, null removes it.",
    responses={200: {"model": Campaign}, **error_answers(404), **WRITE_ERRORS, **BODY_ERRORS},
    openapi_extra=body_of({"type": "object"}),
)
async def patch_campaign(
    request: Request, actor: Actor, name: Name, service: Service, conditions: Conditions
) -> Response:
    body = await read_body(request, limit=MAX_CAMPAIGN_BYTES, what="a patch of a campaign")
    changes = parse_json(body)
    if not isinstance(changes, dict):
        raise Invalid.at(msg="must be a JSON object")
    return written_answer(await service.patch(name, changes, conditions, actor=actor))


@router.delete(
    PATH,
    summary="Remove a campaign",
    description="With `If-Match` it is removed only if it has that ETag.",
    status_code=204,
    responses={**error_answers(404), **WRITE_ERRORS},
)
async def delete_campaign(
    actor: Actor, name: Name, service: Service, conditions: Conditions
) -> Response:
    await service.delete(name, conditions, actor=actor)
    return Response(status_code=204)
