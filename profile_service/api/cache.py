"""POST /cache/invalidate: a refetch by hand."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from contracts.snapshot import LogPosition
from foundation.http import error_answers
from profile_service.cache.campaigns import Invalidation
from profile_service.dependencies import Actor, State

router = APIRouter(prefix="/cache", tags=["cache"])


class InvalidationAnswer(BaseModel):
    """Which revisions were held before and after, null for none.

    `refetched` is false when no answer came, or none that may replace or confirm what is held.
    """

    refetched: bool
    before: LogPosition | None
    after: LogPosition | None


@router.post(
    "/invalidate",
    summary="Refetch the campaigns now",
    description=(
        "For systems that cannot send an event. Waits for the campaign service's answer, at "
        "most 10 s; whatever it is, the held campaigns stay until better ones come. "
        "`accept_store` lets in a store that the instance would not believe by itself: the "
        "id that `/health/ready` shows as `offered_store_id`."
    ),
    response_model=InvalidationAnswer,
    responses={
        503: {
            "model": InvalidationAnswer,
            "description": "The campaign service gave none that is taken",
        },
        **error_answers(401, 403, 422),
    },
)
async def invalidate(
    parts: State, _: Actor, accept_store: Annotated[UUID | None, Query()] = None
) -> JSONResponse:
    done = await parts.cache.invalidate(accept_store=accept_store)
    return JSONResponse(_answer(done), 200 if done.refetched else 503)


def _answer(done: Invalidation) -> dict[str, object]:
    answer = InvalidationAnswer(refetched=done.refetched, before=done.before, after=done.after)
    return answer.model_dump(mode="json")
