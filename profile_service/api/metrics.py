"""GET /metrics: the metrics that Prometheus reads."""

from foundation.metrics import metrics_router
from profile_service.dependencies import current_metrics

router = metrics_router(current_metrics)
