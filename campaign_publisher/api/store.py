"""POST /store/renew: continue a log that was restored from a backup."""

from typing import Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from campaign_publisher.dependencies import Actor, Service
from campaign_publisher.log.state import CampaignState
from foundation.error_answers import error_answers

router = APIRouter(prefix="/store", tags=["store"])


class StoreAnswer(BaseModel):
    """The log as it is now, and the stores that it continues, newest first."""

    store_id: UUID
    renewed_from: tuple[UUID, ...]
    revision: int
    campaigns: int
    segments: int

    @classmethod
    def of(cls, state: CampaignState) -> Self:
        """Return the answer for a state."""
        return cls(
            store_id=state.store_id,
            renewed_from=state.renewed_from,
            revision=state.revision,
            campaigns=len(state.campaigns),
            segments=len(state.segments),
        )


@router.post(
    "/renew",
    summary="Give the log a new store id",
    description="After the log was restored from a backup, this replica says `log replaced` and "
    "refuses writes. Renewing takes the log as it is now: all replicas and profile services that "
    "hold a store named in `renewed_from` then follow it. A request that is repeated before "
    "anything else was written is answered with the first one's store.",
    responses=error_answers(401, 403, 503),
)
async def renew_store(actor: Actor, service: Service) -> StoreAnswer:
    return StoreAnswer.of(await service.renew(actor=actor))
