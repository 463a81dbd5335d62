"""/segments: reads and writes of operators."""

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from campaign_publisher.api.campaigns import BODY_ERRORS, WRITE_ERRORS
from campaign_publisher.api.responses import (
    answer_of,
    body_of,
    cached_answer,
    json_answer,
    list_of,
    written_answer,
)
from campaign_publisher.campaigns.limits import MAX_CAMPAIGN_BYTES, MAX_IMPORT_BYTES
from campaign_publisher.campaigns.parsing import parse_segment, parse_segments
from campaign_publisher.dependencies import READER, Actor, Conditions, SegmentName, Segments
from campaign_publisher.service import Imported
from contracts.segment import Segment
from foundation.bodies import read_body
from foundation.error_answers import UNCHANGED, error_answers
from foundation.etags import etag_of
from foundation.paths import key_parameter
from foundation.validation import parse_json

PATH = "/" + key_parameter("name")


def _without_name() -> dict[str, Any]:
    """Return the JSON schema of a segment whose name is in the path."""
    schema = Segment.model_json_schema(ref_template="#/components/schemas/{model}")
    del schema["$defs"]
    return {**schema, "required": [field for field in schema["required"] if field != "name"]}


router = APIRouter(prefix="/segments", tags=["segments"])


@router.get(
    "",
    dependencies=[READER],
    summary="List segments",
    description="All segments, by name.",
    responses={
        200: answer_of(list_of(Segment), "The segments"),
        **UNCHANGED,
        **error_answers(401, 503),
    },
)
async def list_segments(request: Request, segments: Segments) -> Response:
    body = segments.all()
    return cached_answer(request, body, etag_of(body))


@router.post(
    "/import",
    summary="Replace all segments",
    description="The list replaces all segments, in one revision or not at all. Segments that it "
    "does not change keep their ETag. A 409 names a campaign that refers to a segment that would "
    "be removed. `If-Match` takes the ETag of GET /snapshot.",
    responses={200: {"model": Imported}, **error_answers(409), **WRITE_ERRORS, **BODY_ERRORS},
    openapi_extra=body_of(list_of(Segment)),
)
async def import_segments(
    request: Request, actor: Actor, segments: Segments, conditions: Conditions
) -> Response:
    body = await read_body(request, limit=MAX_IMPORT_BYTES, what="an import of segments")
    listed = await parse_segments(parse_json(body))
    imported = await segments.replace_all(listed, conditions, actor=actor)
    return json_answer(orjson.dumps(imported))


@router.get(
    PATH,
    dependencies=[READER],
    summary="Get a segment",
    description="The segment as it is stored; its ETag is for `If-Match` of a later write.",
    responses={200: {"model": Segment}, **UNCHANGED, **error_answers(401, 404, 422, 503)},
)
async def get_segment(request: Request, name: SegmentName, segments: Segments) -> Response:
    found = segments.segment(name)
    return cached_answer(request, found.json, found.etag)


@router.put(
    PATH,
    summary="Create or replace a segment",
    description="All campaigns and segments that refer to it mean the new one from then on. With "
    "`If-Match` it is written only if the segment has that ETag, with `If-None-Match: *` only if "
    "there is none. A `name` in the body must be the one in the path; a `last_updated` is "
    "ignored: the service sets it. A 422 names a segment that does not exist, a cycle, and "
    "segments that are nested too deep.",
    responses={
        200: {"model": Segment, "description": "It was replaced, or is unchanged"},
        201: {"model": Segment, "description": "It was created"},
        **WRITE_ERRORS,
        **BODY_ERRORS,
    },
    openapi_extra=body_of(_without_name()),
)
async def put_segment(
    request: Request, actor: Actor, name: SegmentName, segments: Segments, conditions: Conditions
) -> Response:
    body = await read_body(request, limit=MAX_CAMPAIGN_BYTES, what="a segment")
    segment = parse_segment(parse_json(body), name)
    return written_answer(await segments.put(segment, conditions, actor=actor))


@router.delete(
    PATH,
    summary="Remove a segment",
    description="With `If-Match` it is removed only if it has that ETag. A 409 names the "
    "campaigns and segments that refer to it, disabled and ended campaigns included: the first "
    "20 of them, and how many there are.",
    status_code=204,
    responses={**error_answers(404, 409), **WRITE_ERRORS},
)
async def delete_segment(
    actor: Actor, name: SegmentName, segments: Segments, conditions: Conditions
) -> Response:
    await segments.delete(name, conditions, actor=actor)
    return Response(status_code=204)
