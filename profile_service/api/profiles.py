"""PUT, GET, DELETE /profiles/{player_id} and POST /profiles/import: for operators and loaders."""

from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.convertors import register_url_convertor

from contracts.profile import Profile
from foundation.bodies import body_chunks, read_body
from foundation.error_answers import error_answers
from foundation.errors import ServiceError
from foundation.paths import KeyConvertor
from foundation.validation import parse_json
from profile_service.dependencies import Actor, Conditions, PlayerId, Service
from profile_service.importing import ImportReport, import_profiles
from profile_service.lines import LineError
from profile_service.profiles.rendering import etag_of_profile, render

MAX_PROFILE_BYTES = 1024 * 1024


class PlayerConvertor(KeyConvertor):
    """Matches the rest of the path, but for those of player lists and overrides.

    They have methods of their own, and answer all others with 405.
    """

    regex = r"(?s:(?!lists/.)(?!.+/overrides(?:/.+)?\Z).+)"


register_url_convertor("player", PlayerConvertor())

PATH = "/{player_id:player}"

router = APIRouter(prefix="/profiles", tags=["profiles"])


class ImportAnswer(BaseModel):
    """What an import came to; `errors` names the first 100 refused lines, counted from 1."""

    received: int
    created: int
    replaced: int
    failed: int
    errors: list[LineError]


class BrokenOffAnswer(ImportAnswer):
    """An import that could not go on; all lines up to `reached` are written, refused or empty."""

    detail: str
    reached: int


_PROFILE_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Profile"}}},
    }
}
_ETAG = {"ETag": {"schema": {"type": "string"}}}
_NDJSON_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/x-ndjson": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/import",
    summary="Write many profiles",
    description=(
        "Newline-delimited JSON of any length, one profile a line, at most 1 MiB a line. A line "
        "that is wrong, or whose id another stored document holds, is refused by itself and named "
        "in the answer; all others are written. "
        "A stored profile is replaced, but for the service's own fields: `active_campaigns`, "
        "`lists` and `overrides`."
    ),
    response_model=ImportAnswer,
    responses={
        **error_answers(401, 403, 415),
        400: {"model": BrokenOffAnswer, "description": "The body ended too early"},
        408: {"model": BrokenOffAnswer, "description": "The body stopped coming"},
        503: {
            "model": BrokenOffAnswer,
            "description": "Profiles could not be written, or the service is stopping; go on later",
        },
    },
    openapi_extra=_NDJSON_BODY,
)
async def import_many(request: Request, service: Service, _: Actor) -> Response:
    report = ImportReport()
    try:
        # A stop ends an import at the end of a line; the client goes on from `reached`.
        async with aclosing(body_chunks(request, drain_seconds=0.0)) as chunks:
            await import_profiles(service, chunks, report)
    except ServiceError as error:
        content = {"detail": error.detail, "reached": report.reached, **_answer(report)}
        return JSONResponse(content, error.status, error.headers)
    return JSONResponse(_answer(report))


@router.put(
    PATH,
    summary="Write a profile",
    description=(
        "Stores the profile as it is sent, value for value. `active_campaigns`, `lists` and "
        "`overrides` are the service's own and are not changed. Custom fields' names start with "
        "`_`. `If-Match` makes the write depend on the profile's ETag, `If-None-Match: *` on there "
        "being none."
    ),
    response_model=Profile,
    responses={
        200: {"headers": _ETAG},
        201: {"model": Profile, "headers": _ETAG, "description": "It was created"},
        **error_answers(400, 401, 403, 408, 409, 412, 413, 415, 422, 503),
    },
    openapi_extra=_PROFILE_BODY,
)
async def put(
    _: Actor, request: Request, player_id: PlayerId, conditions: Conditions, service: Service
) -> Response:
    body = await read_body(request, limit=MAX_PROFILE_BYTES, what="a profile")
    stored = await service.put(player_id, parse_json(body), conditions)
    return _json(render(stored.document), stored.etag, status=201 if stored.created else 200)


@router.get(
    PATH,
    summary="Read a profile as it is stored",
    description=(
        "The stored document; `active_campaigns` is what was last written there. The ETag is for "
        "`If-Match` of a write: it covers all of the profile but `active_campaigns`, `lists` and "
        "`overrides`, which the service may write at any time. `If-None-Match` is ignored here."
    ),
    response_model=Profile,
    responses={200: {"headers": _ETAG}, **error_answers(401, 403, 404, 422, 503)},
)
async def get(_: Actor, player_id: PlayerId, service: Service) -> Response:
    document = await service.profile(player_id)
    return _json(render(document), etag_of_profile(document))


@router.delete(
    PATH,
    summary="Remove a profile",
    description="Removes the profile for good. `If-Match` makes it depend on the profile's ETag.",
    status_code=204,
    response_model=None,
    responses=error_answers(401, 403, 404, 412, 422, 503),
)
async def delete(
    _: Actor, player_id: PlayerId, conditions: Conditions, service: Service
) -> Response:
    await service.delete(player_id, conditions)
    return Response(status_code=204)


def _answer(report: ImportReport) -> dict[str, Any]:
    return ImportAnswer.model_validate(report, from_attributes=True).model_dump()


def _json(body: bytes, etag: str, *, status: int = 200) -> Response:
    return Response(body, status, {"ETag": etag}, media_type="application/json")
