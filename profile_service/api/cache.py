"""POST /cache/invalidate: a refetch by hand."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from contracts.snapshot import LogPosition
from foundation.error_answers import error_answers
from profile_service.cache.outcomes import Outcome
from profile_service.dependencies import Actor, Refetches

router = APIRouter(prefix="/cache", tags=["cache"])


class InvalidationAnswer(BaseModel):
    """The positions that were held before and after, null for none.

    `refetched` is false when no answer came, or none that may replace or confirm the held
    campaigns: then `detail` says why, and `offered_store_id` is a store that was not accepted.
    """

    refetched: bool
    before: LogPosition | None
    after: LogPosition | None
    detail: str | None = None
    offered_store_id: UUID | None = None


_REASONS = {
    Outcome.FAILED: "the campaign service gave no snapshot that can be used",
    Outcome.LAGGING: "the campaign service has not read the held revision yet",
    Outcome.BEHIND: "the campaign service does not know the revision that is held",
    Outcome.FOREIGN: "the campaign service offers another store; accept_store lets it in",
}


@router.post(
    "/invalidate",
    summary="Refetch the campaigns now",
    description=(
        "For systems that cannot send an event. Waits at most 10 s for the campaign service's "
        "answer. The held campaigns stay until newer ones come. `accept_store` accepts a "
        "store that the instance would not accept by itself: the id that `/health/ready` "
        "shows as `offered_store_id`."
    ),
    response_model=InvalidationAnswer,
    responses={
        503: {
            "model": InvalidationAnswer,
            "description": "The campaign service gave no snapshot that is accepted",
        },
        **error_answers(401, 403, 422),
    },
)
async def invalidate(
    refetcher: Refetches, _: Actor, accept_store: Annotated[UUID | None, Query()] = None
) -> JSONResponse:
    done = await refetcher.invalidate(accept_store=accept_store)
    answer = InvalidationAnswer(
        refetched=done.refetched,
        before=done.before,
        after=done.after,
        detail=_REASONS.get(done.outcome),
        offered_store_id=done.offered_store,
    )
    content = answer.model_dump(mode="json")
    if done.refetched:
        return JSONResponse(content)
    return JSONResponse(content, 503, {"Retry-After": "1"})
