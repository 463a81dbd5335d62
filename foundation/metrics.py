"""Metrics for Prometheus, made of the plain counters that a service keeps anyway.

There is no global registry and no second set of counters: each request for /metrics reads the
current values.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

METRICS_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Metrics in Prometheus's text format",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


# A name, its help text, and its value now: a gauge. None is a value that is not known now.
Gauges = Iterable[tuple[str, str, float | None]]
# A name without `_total`, its help text, and its count since the start; or its counts by labels.
Counters = Iterable[tuple[str, str, "int | Labelled"]]
# The answer to /metrics, but for the metrics of the process itself.
Metrics = list[Metric]


class Labelled(NamedTuple):
    """Counts by the values of these labels, which must be few and known beforehand."""

    labels: tuple[str, ...]
    counts: Mapping[tuple[str, ...], int]


def metrics(gauges: Gauges, counters: Counters) -> Metrics:
    """Return the rows of both tables as metrics."""
    return [
        *(_gauge(name, text, value) for name, text, value in gauges),
        *(_counter(name, text, value) for name, text, value in counters),
    ]


def _gauge(name: str, text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, text)
    if value is not None:
        family.add_metric([], float(value))
    return family


def _counter(name: str, text: str, value: int | Labelled) -> Metric:
    labelled = value if isinstance(value, Labelled) else Labelled((), {(): value})
    family = CounterMetricFamily(name, text, labels=labelled.labels)
    for values, count in labelled.counts.items():
        family.add_metric(values, count)
    return family


def metrics_answer(families: Iterable[Metric]) -> Response:
    """Return these metrics and those of the process: memory, processor time, open files."""
    return Response(
        generate_latest(_All([*families, *_PROCESS.collect()])), media_type=CONTENT_TYPE_LATEST
    )


def metrics_router(current: Callable[..., Awaitable[Metrics]]) -> APIRouter:
    """Return the route GET /metrics; `current` is a dependency, asked at each request."""
    router = APIRouter(tags=["health"])

    @router.get(
        "/metrics",
        summary="Metrics for Prometheus",
        description="Of this process, as they are now. Open to every client that reaches it.",
        response_class=Response,
        responses=METRICS_ANSWER,
    )
    async def get_metrics(found: Annotated[Metrics, Depends(current)]) -> Response:
        return metrics_answer(found)

    return router


# Registered nowhere; it reads /proc when it is asked.
_PROCESS = ProcessCollector(registry=None)


class _All(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families
