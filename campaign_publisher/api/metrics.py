"""GET /metrics: what Prometheus reads."""

from fastapi import APIRouter, Request, Response

from campaign_publisher.dependencies import CurrentHealth
from campaign_publisher.metrics import metrics_of
from foundation.metrics import METRICS_ANSWER, metrics_answer

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    description="Of this replica, as they are now. Open to whoever reaches it.",
    response_class=Response,
    responses=METRICS_ANSWER,
)
async def metrics(request: Request, health: CurrentHealth) -> Response:
    state = request.state
    return metrics_answer(metrics_of(state.replica, state.publisher, state.channel, health))
