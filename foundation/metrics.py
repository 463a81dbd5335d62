"""Metrics for Prometheus, made of the plain counters that a service keeps anyway.

Nothing is counted twice and nothing is global: a request for /metrics reads what is
there at that moment.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import Response
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


def gauge(name: str, text: str, value: float | None) -> Metric:
    """Give a value that goes up and down; None is one that there is not now."""
    family = GaugeMetricFamily(name, text)
    if value is not None:
        family.add_metric([], float(value))
    return family


def counter(
    name: str, text: str, labels: tuple[str, ...] = (), *, counts: Mapping[tuple[str, ...], int]
) -> Metric:
    """Give a count since the start, by its labels."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def metrics_answer(families: Iterable[Metric]) -> Response:
    """Give these metrics and those of the process: memory, processor time, open files."""
    return Response(
        generate_latest(_All([*families, *_PROCESS.collect()])), media_type=CONTENT_TYPE_LATEST
    )


# Registered nowhere; it reads /proc when it is asked.
_PROCESS = ProcessCollector(registry=None)


class _All(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families
