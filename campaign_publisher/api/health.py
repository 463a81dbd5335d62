"""/health: whether the process runs, and whether requests should be sent to it."""

from campaign_publisher.dependencies import health_report
from foundation.health import health_router

router = health_router(
    health_report,
    description="503 while the change log is not loaded, cannot be read or was replaced, and while "
    "stopping. 200 with `degraded` while the log cannot be written, or RabbitMQ has not confirmed "
    "the newest snapshot: reads work, and profile services poll.",
)
