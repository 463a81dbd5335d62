"""Health: the checks of a service, the report that they add up to, and its routes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel


class Status(StrEnum):
    """The status of a service, and of each of its parts."""

    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"
    DRAINING = "draining"


_SEVERITY = [Status.OK, Status.DEGRADED, Status.UNAVAILABLE]


@dataclass(frozen=True)
class Check:
    """One part: its effect on the whole, and the JSON object that is shown for it."""

    status: Status
    shown: Mapping[str, Any]

    @classmethod
    def of(cls, status: Status, **fields: Any) -> "Check":
        """Return a check that shows its own status, and these fields."""
        return cls(status, {"status": status, **fields})


@dataclass(frozen=True)
class Report:
    """The status of the whole, and the JSON object of each part by its name."""

    status: Status
    checks: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, checks: Mapping[str, Check], *, draining: bool) -> "Report":
        """Return the report of checks: the worst of them, unless the service is stopping."""
        worst = max((check.status for check in checks.values()), key=_SEVERITY.index)
        status = Status.DRAINING if draining else worst
        return cls(status, {name: check.shown for name, check in checks.items()})

    @property
    def is_ready(self) -> bool:
        """Whether requests should be sent here."""
        return self.status in {Status.OK, Status.DEGRADED}


class ReportAnswer(BaseModel):
    """The status of the whole, and of each part by its name, with the part's own figures."""

    status: Status
    checks: dict[str, dict[str, Any]]


class LiveAnswer(BaseModel):
    """The process runs."""

    status: str


def health_router(report: Callable[..., Awaitable[Report]], *, description: str) -> APIRouter:
    """Return the health routes of a service; `report` is a dependency, asked at each request.

    `description` says what makes the service unavailable and what only degrades it.
    """
    router = APIRouter(prefix="/health", tags=["health"])
    not_ready: dict[int | str, dict[str, Any]] = {
        503: {"model": ReportAnswer, "description": "Requests should go to another replica"}
    }

    @router.get(
        "/live",
        summary="Whether the process runs",
        description="Asks nothing of any other server. A failure means: restart the process.",
        response_model=LiveAnswer,
    )
    async def live() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @router.get(
        "/ready",
        summary="Whether requests should be sent here",
        description=description,
        response_model=ReportAnswer,
        responses=not_ready,
    )
    @router.get(
        "",
        summary="The same, for people",
        description="The answer of /health/ready.",
        response_model=ReportAnswer,
        responses=not_ready,
    )
    async def ready(current: Annotated[Report, Depends(report)]) -> JSONResponse:
        content = {"status": current.status, "checks": {**current.checks}}
        return JSONResponse(content, 200 if current.is_ready else 503)

    return router
