"""POST /store/renew: how operators let a log go on that was restored from a backup."""

from typing import Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from campaign_publisher.dependencies import Actor, Service
from campaign_publisher.log.state import CampaignState
from foundation.error_answers import error_answers

router = APIRouter(prefix="/store", tags=["store"])


class StoreAnswer(BaseModel):
    """The log as it is now, and the store that it continues."""

    store_id: UUID
    renewed_from: UUID | None
    revision: int
    campaigns: int

    @classmethod
    def of(cls, state: CampaignState) -> Self:
        """Tell which store a state is of."""
        return cls(
            store_id=state.store_id,
            renewed_from=state.renewed_from,
            revision=state.revision,
            campaigns=len(state.campaigns),
        )


@router.post(
    "/renew",
    summary="Give the log a new store id",
    description="After the log was restored from a backup, this replica says `log replaced` and "
    "refuses writes. Renewing takes the log as it is now: all replicas and profile services that "
    "hold the store named in `renewed_from` then follow it. A request that is repeated before "
    "anything else was written is answered with the first one's store.",
    responses=error_answers(401, 403, 503),
)
async def renew_store(actor: Actor, service: Service) -> StoreAnswer:
    return StoreAnswer.of(await service.renew(actor=actor))
