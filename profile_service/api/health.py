"""/health: whether the process runs, and whether requests should be sent to it."""

from foundation.health import health_router
from profile_service.dependencies import health_report

router = health_router(
    health_report,
    description="503 without MongoDB, without campaigns, while stopping, and past MAX_STALENESS "
    "where that is set. 200 with `degraded` while the campaigns are stale, the campaign service is "
    "behind what is held, another store is offered, campaigns have matchers that this version does "
    "not know, profiles cannot be written, or RabbitMQ is away.",
)
