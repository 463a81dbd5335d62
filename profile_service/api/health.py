"""Health: for the machines that start, stop and route, and for people."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from profile_service.dependencies import State

router = APIRouter(tags=["health"])


class HealthAnswer(BaseModel):
    """`ok`, `degraded`, `unavailable` or `draining`, in all and for each part."""

    status: str
    checks: dict[str, dict[str, Any]]


class LiveAnswer(BaseModel):
    """The process runs."""

    status: str


@router.get(
    "/health/live",
    summary="Whether the process runs",
    description="Asks nothing of anybody; a failure means that the process should be restarted.",
    response_model=LiveAnswer,
)
async def live() -> JSONResponse:
    return JSONResponse({"status": "ok"})


@router.get(
    "/health/ready",
    summary="Whether requests should be sent here",
    description=(
        "503 without MongoDB, without campaigns, while stopping, and past MAX_STALENESS where "
        "that is set. 200 with `degraded` while the campaigns are stale, the campaign service "
        "is behind what is held, another store is offered, or RabbitMQ is away."
    ),
    response_model=HealthAnswer,
    responses={503: {"model": HealthAnswer, "description": "Do not send requests here"}},
)
@router.get(
    "/health",
    summary="The same, for people",
    description="The answer of /health/ready.",
    response_model=HealthAnswer,
    responses={503: {"model": HealthAnswer, "description": "Do not send requests here"}},
)
async def ready(parts: State) -> JSONResponse:
    report = await parts.health.report()
    return JSONResponse(
        {"status": report.status, "checks": report.checks}, 200 if report.is_ready else 503
    )
