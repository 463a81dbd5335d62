"""GET /metrics: what Prometheus reads."""

from fastapi import APIRouter, Response

from foundation.metrics import METRICS_ANSWER, metrics_answer
from profile_service.dependencies import State
from profile_service.metrics import metrics_of

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    description="Of this instance, as they are now. Open to whoever reaches it.",
    response_class=Response,
    responses=METRICS_ANSWER,
)
async def metrics(parts: State) -> Response:
    return metrics_answer(metrics_of(parts, await parts.health.report()))
