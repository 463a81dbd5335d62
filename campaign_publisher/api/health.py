"""/health: whether the process runs, and whether requests should be sent to it."""

from fastapi import APIRouter, Response

from campaign_publisher.api.responses import json_answer
from campaign_publisher.dependencies import CurrentHealth
from campaign_publisher.health import Health

router = APIRouter(prefix="/health", tags=["health"])

UNAVAILABLE = {"model": Health, "description": "Requests should go to another replica"}


@router.get("/live", summary="The process runs")
async def live() -> Response:
    return json_answer(b'{"status":"ok"}')


@router.get(
    "/ready",
    summary="The log can be read and written",
    description="RabbitMQ being away only degrades: the API works, and profile services poll.",
    responses={200: {"model": Health}, 503: UNAVAILABLE},
)
@router.get(
    "", summary="The same, for people", responses={200: {"model": Health}, 503: UNAVAILABLE}
)
async def ready(health: CurrentHealth) -> Response:
    return json_answer(health.model_dump_json().encode(), status=200 if health.is_ready else 503)
