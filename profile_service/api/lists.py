"""POST, GET, DELETE /profiles/lists/{list}: players by name, as another system knows them."""

from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from foundation.bodies import body_chunks
from foundation.error_answers import error_answers
from foundation.errors import ServiceError
from foundation.paths import key_parameter
from profile_service.dependencies import Actor, ListName, Lists, Stopping
from profile_service.lines import LineError
from profile_service.list_changes import (
    ListReport,
    Mode,
    change_list,
    count_players,
    empty_list,
)

CSV = "text/csv"

PATH = "/" + key_parameter("list")

# Before the routes of profiles, whose ids take the rest of a path.
router = APIRouter(prefix="/profiles/lists", tags=["player lists"])


class ListChangeAnswer(BaseModel):
    """What a change of a list came to.

    `unknown` counts the lines with an id that has no profile, `unknown_ids` are the first 100 of
    them. `errors` names the first 100 refused lines, counted from 1.
    """

    received: int
    added: int
    removed: int
    unchanged: int
    unknown: int
    unknown_ids: list[str]
    failed: int
    errors: list[LineError]


class ListBrokenOffAnswer(ListChangeAnswer):
    """A change that could not go on; all lines up to `reached` are written, refused or empty.

    What adds or removes goes on after that line. A replacement is repeated from its start.
    """

    detail: str
    reached: int


class ListAnswer(BaseModel):
    """A list, and how many players are in it."""

    list: str
    players: int


class EmptiedAnswer(BaseModel):
    """A list that was emptied, and how many players were removed from it."""

    list: str
    removed: int


_IDS_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/x-ndjson", CSV)
        },
    }
}


def _broken_off(description: str) -> dict[str, Any]:
    return {"model": ListBrokenOffAnswer, "description": description}


@router.post(
    PATH,
    summary="Change who is in a list",
    description=(
        "One player id a line, of any length: as NDJSON a JSON text, or an object of which only "
        "`player_id` counts; as CSV (`Content-Type: text/csv`) the first column, with or without "
        "the header `player_id`. `add` and `remove` change the players that are named. `replace` "
        "first adds all that are named, and then removes the others: who is in the list before "
        "and after is in it all the time. It removes nobody before the whole body has come, nor "
        "if that names no stored player; one that broke off is repeated from its start. A later "
        "replacement of the same list ends an earlier one with 409; whom `add` names while a "
        "replacement is under way, that one may remove. Unknown players are counted and named, "
        "and never created. A player is in at most 1,000 lists. The names in the profile's "
        "`lists` are what `where` reads."
    ),
    response_model=ListChangeAnswer,
    responses={
        **error_answers(401, 403, 415, 422),
        400: _broken_off("The body ended too early"),
        408: _broken_off("The body stopped coming"),
        409: _broken_off("A replacement names no stored player, or another one has begun since"),
        503: _broken_off("The list could not be written, or the service is stopping; go on later"),
    },
    openapi_extra=_IDS_BODY,
)
async def change(
    _: Actor,
    request: Request,
    name: ListName,
    lists: Lists,
    stopping: Stopping,
    mode: Annotated[Mode, Query()] = Mode.ADD,
) -> Response:
    report = ListReport()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        # A stop ends a change at the end of a line; the client goes on from `reached`.
        async with aclosing(body_chunks(request, drain_seconds=0.0)) as chunks:
            await change_list(
                lists, name, mode, chunks, report, as_csv=kind == CSV, stopping=stopping
            )
    except ServiceError as error:
        content = {"detail": error.detail, "reached": report.reached, **_answer(report)}
        return JSONResponse(content, error.status, error.headers)
    return JSONResponse(_answer(report))


@router.get(
    PATH,
    summary="Count the players in a list",
    description="None are in a list that nobody was put into.",
    responses=error_answers(401, 403, 422, 503),
)
async def get(_: Actor, name: ListName, lists: Lists) -> ListAnswer:
    return ListAnswer(list=name, players=await count_players(lists, name))


@router.delete(
    PATH,
    summary="Empty a list",
    description="Removes all players from the list; one that breaks off is repeated.",
    responses=error_answers(401, 403, 422, 503),
)
async def delete(_: Actor, name: ListName, lists: Lists, stopping: Stopping) -> EmptiedAnswer:
    return EmptiedAnswer(list=name, removed=await empty_list(lists, name, stopping))


def _answer(report: ListReport) -> dict[str, Any]:
    return ListChangeAnswer.model_validate(report, from_attributes=True).model_dump()
