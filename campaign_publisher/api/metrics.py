"""GET /metrics: the metrics that Prometheus reads."""

from campaign_publisher.dependencies import current_metrics
from foundation.metrics import metrics_router

router = metrics_router(current_metrics)
