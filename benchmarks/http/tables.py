"""The tables of the HTTP benchmark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.http.wrk import Load
from benchmarks.report.quantiles import median, ratio
from benchmarks.report.results import Cell, Table

OURS, BASELINE, TYPICAL = "Profile Matcher", "baseline", "typical FastAPI service"
# Campaigns of which half use more than level, has and does_not_have, beside as many plain ones.
LANGUAGE, LANGUAGE_SIZE = f"{OURS}, the whole language", 1_000
# What a lone request's time is made of: our service without its query, and that query by a
# process that does nothing else, without pause and after it has waited for an answer.
NO_QUERY, QUERY, LATER_QUERY = "without its query", "one query", "one query after a wait"
USUAL_CONNECTIONS, USUAL_SIZE = 64, 100

HOURLY_LOADS = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
# The busiest moment beside the average, and what a core may be used to: latency grows past it.
PEAK = 3
USE_OF_A_CORE = 0.6


@dataclass(frozen=True)
class Measured:
    """One run of one server. Processor time in microseconds a request."""

    database: str
    server: str
    campaigns: int
    connections: int
    load: Load
    processor: float


def tables_of(measured: Sequence[Measured]) -> list[Table]:
    """Return the tables of what was measured."""
    by_connections = "GET /get_client_config at 100 campaigns"
    by_campaigns = "GET /get_client_config at 64 connections"
    given = "GET /get_client_config at 100 campaigns, with the MongoDB that was given"
    tables = [
        _table("http", by_connections, "connections", _at(measured, "fake", size=USUAL_SIZE)),
        _table(
            "http-campaigns",
            by_campaigns,
            "campaigns",
            _at(measured, "fake", at=USUAL_CONNECTIONS),
        ),
        _table("http-existing", given, "connections", _at(measured, "existing")),
        _capacity(measured),
    ]
    return [table for table in tables if table.rows]


def _at(
    measured: Sequence[Measured],
    database: str,
    *,
    server: str = "",
    size: int | None = None,
    at: int | None = None,
) -> list[Measured]:
    return [
        each
        for each in measured
        if each.database == database
        and server in {"", each.server}
        and size in {None, each.campaigns}
        and at in {None, each.connections}
    ]


def _table(key: str, title: str, by: str, measured: Sequence[Measured]) -> Table:
    groups: dict[tuple[int, str], list[Measured]] = {}
    for each in measured:
        groups.setdefault((getattr(each, by), each.server), []).append(each)
    columns = ["server", by, "req/s", "of baseline", "p50 ms", "p99 ms", "CPU µs", "of baseline's"]
    rows: list[list[Cell]] = [
        [server, number, *_figures(runs, groups[number, BASELINE])]
        for (number, server), runs in groups.items()
    ]
    return Table(key=key, title=title, columns=columns, rows=rows)


def _figures(runs: Sequence[Measured], baselines: Sequence[Measured]) -> list[float]:
    throughputs = [each.load.throughput for each in runs]
    processors = [each.processor for each in runs]
    return [
        median(throughputs),
        ratio(throughputs, [each.load.throughput for each in baselines]),
        median([each.load.p50 for each in runs]),
        median([each.load.p99 for each in runs]),
        median(processors),
        ratio(processors, [each.processor for each in baselines]),
    ]


def _capacity(measured: Sequence[Measured]) -> Table:
    """Say how many cores a load needs, by the processor time that a request takes."""
    usual = _at(measured, "fake", server=OURS, size=USUAL_SIZE, at=USUAL_CONNECTIONS)
    ours = [each.processor for each in usual]
    rows: list[list[Cell]] = []
    for hourly in HOURLY_LOADS if ours else ():
        peak = hourly / 3600 * PEAK
        cores = math.ceil(peak * median(ours) / 1e6 / USE_OF_A_CORE)
        rows.append([f"{hourly:,}", hourly / 3600, peak, cores, cores + 1])
    columns = ["requests an hour", "a second", f"at a peak of {PEAK} times", "cores", "replicas"]
    title = f"Cores that are used to {USE_OF_A_CORE:.0%} at the peak, and replicas of one core"
    return Table(key="capacity", title=title, columns=columns, rows=rows)


def notes_of(measured: Sequence[Measured]) -> list[str]:
    """Return what the tables do not show."""
    return [
        *_beside_the_typical_service(measured),
        *_with_more_campaigns(measured),
        *_with_the_language(measured),
        *_one_connection(measured),
    ]


def _beside_the_typical_service(measured: Sequence[Measured]) -> list[str]:
    ours, others = (_throughputs(measured, server, USUAL_SIZE) for server in (OURS, TYPICAL))
    return (
        [f"{ratio(ours, others):.1f} times the typical service at 64 connections"] if ours else []
    )


def _with_more_campaigns(measured: Sequence[Measured]) -> list[str]:
    """Compare what most campaigns leave of the usual throughput, round by round."""
    most = max((each.campaigns for each in measured), default=USUAL_SIZE)
    usual, largest = (_throughputs(measured, OURS, size) for size in (USUAL_SIZE, most))
    if most == USUAL_SIZE or not usual:
        return []
    left = ratio(largest, usual)
    return [f"{most:,} campaigns leave {left:.2f} of the throughput that {USUAL_SIZE} have"]


def _with_the_language(measured: Sequence[Measured]) -> list[str]:
    plain, targeted = (_throughputs(measured, server, LANGUAGE_SIZE) for server in (OURS, LANGUAGE))
    if not targeted:
        return []
    left = ratio(targeted, plain)
    return [f"{LANGUAGE_SIZE:,} campaigns of the whole language leave {left:.2f} of the plain ones"]


def _throughputs(measured: Sequence[Measured], server: str, size: int) -> list[float]:
    found = _at(measured, "fake", server=server, size=size, at=USUAL_CONNECTIONS)
    return [each.load.throughput for each in found]


def _one_connection(measured: Sequence[Measured]) -> list[str]:
    """Compare the least latency with what it cannot be below: the baseline, and one query."""
    notes = []
    for database in ("fake", "existing"):
        ours, least, *trips = (
            [each.load.p50 for each in _at(measured, database, server=name, size=USUAL_SIZE, at=1)]
            for name in (OURS, BASELINE, QUERY, LATER_QUERY)
        )
        if ours:
            times = [
                ratio(ours, [one + other for one, other in zip(least, trip, strict=True)])
                for trip in trips
            ]
            notes.append(
                f"One connection, {database} MongoDB: p50 is {times[0]:.2f} times that of the "
                f"baseline and one query together, {times[1]:.2f} times with one query after a wait"
            )
    return notes
