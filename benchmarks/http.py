"""HTTP: our route beside the floor, and beside the way it is commonly written."""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from motor.motor_asyncio import AsyncIOMotorClient

from benchmarks.game import player_id
from benchmarks.quantiles import median, ratio
from benchmarks.results import Cell, Result, Table
from benchmarks.servers.players import with_players
from benchmarks.servers.processes import (
    CannedMongoProcess,
    common_way,
    floor,
    origin,
    processor_seconds,
)
from benchmarks.wrk import Load, load, require_wrk
from tests.processes import ServiceProcess, profile_service
from tests.servers import free_port

CONNECTIONS = (1, 16, 64, 256)
SIZES = (10, 100, 1_000, 10_000)
USUAL_CONNECTIONS, USUAL_SIZE = 64, 100
DATABASE = "profile_matcher_bench"

OURS, FLOOR, COMMON = "Profile Matcher", "floor", "common way"
WARM_UP_SECONDS = 1.0
QUERIES = 2_000


@dataclass(frozen=True)
class Measured:
    """One run of one server. Processor time in microseconds a request."""

    database: str
    server: str
    campaigns: int
    connections: int
    load: Load
    processor: float


def run(
    *,
    connections: Sequence[int] = CONNECTIONS,
    sizes: Sequence[int] = SIZES,
    seconds: float = 4.0,
    rounds: int = 5,
    mongo_url: str = "",
) -> Result:
    """Measure the three in turn, `rounds` times for `seconds` each.

    With `mongo_url` it is done once more, at one size, with that server's database.

    Raises:
        LoadFailed: wrk is missing, or requests failed.
    """
    require_wrk()
    measured: list[Measured] = []
    trips: dict[str, float] = {}
    plan = dict.fromkeys(sizes, (USUAL_CONNECTIONS,)) | {USUAL_SIZE: tuple(connections)}
    with CannedMongoProcess() as canned:
        trips["canned"] = query_milliseconds(canned.url)
        for size, at in plan.items():
            with deployed(canned.url, size) as servers:
                measured += _in_turn("canned", servers, size, at, seconds, rounds)
    if mongo_url:
        with with_players(mongo_url, DATABASE), deployed(mongo_url, USUAL_SIZE) as servers:
            trips["given"] = query_milliseconds(mongo_url)
            measured += _in_turn("given", servers, USUAL_SIZE, connections, seconds, rounds)
    return Result(
        benchmark="http",
        options={"seconds": seconds, "rounds": rounds},
        tables=_tables(measured),
        measured={"runs": measured, "query_milliseconds": trips},
        notes=[*_beside_the_common_way(measured), *_one_connection(measured, trips)],
    )


@contextmanager
def deployed(mongo_url: str, size: int) -> Iterator[dict[str, ServiceProcess]]:
    """Start the three servers, each of which answers the same, byte for byte but for the ages."""
    with ExitStack() as stack:
        stack.enter_context(asking := origin(size))
        ours = profile_service(
            mongo_url=mongo_url,
            mongo_database=DATABASE,
            # Nobody is there: no event comes while requests are measured.
            amqp_url=f"amqp://127.0.0.1:{free_port()}/",
            campaigns_url=asking.url,
        )
        stack.enter_context(ours)
        ours.until_ready()
        answer = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "answer.json"
        answer.write_bytes(orjson.dumps(answer_of(ours)))
        yield {
            FLOOR: stack.enter_context(floor(answer)),
            OURS: ours,
            COMMON: stack.enter_context(
                common_way(mongo_url=mongo_url, mongo_database=DATABASE, campaigns=size)
            ),
        }


def answer_of(server: ServiceProcess) -> dict[str, Any]:
    """Give a server's answer for a player: the body, and the headers that are its own."""
    answer = server.client.get(f"/get_client_config/{player_id(0)}").raise_for_status()
    framework = {"date", "server", "content-length", "content-type"}
    headers = {name: value for name, value in answer.headers.items() if name not in framework}
    return {"headers": headers, "body": answer.text}


def query_milliseconds(mongo_url: str) -> float:
    """Give the median time of one query by the driver, asked by one who does nothing else."""

    async def ask() -> float:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongo_url)
        profiles = client[DATABASE]["profiles"]
        times: list[float] = []
        for number in range(QUERIES):
            started = time.perf_counter()
            await profiles.find_one({"player_id": player_id(number % 1_000)}, {"_id": 0})
            times.append(time.perf_counter() - started)
        client.close()
        return median(times) * 1000

    return asyncio.run(ask())


def _in_turn(
    database: str,
    servers: dict[str, ServiceProcess],
    size: int,
    connections: Sequence[int],
    seconds: float,
    rounds: int,
) -> Iterator[Measured]:
    for server in servers.values():
        load(server.url, connections=USUAL_CONNECTIONS, seconds=WARM_UP_SECONDS)
    for at in connections:
        # One after the other, again and again: what slows the machine down slows all of them.
        for _ in range(rounds):
            for name, server in servers.items():
                before = processor_seconds(server.pid)
                found = load(server.url, connections=at, seconds=seconds)
                used = processor_seconds(server.pid) - before
                yield Measured(database, name, size, at, found, used / found.requests * 1e6)


def _tables(measured: Sequence[Measured]) -> list[Table]:
    by_connections = "GET /get_client_config at 100 campaigns"
    by_campaigns = "GET /get_client_config at 64 connections"
    given = "GET /get_client_config at 100 campaigns, with the MongoDB that was given"
    tables = [
        _table("http", by_connections, "connections", _at(measured, "canned", size=USUAL_SIZE)),
        _table(
            "http-campaigns",
            by_campaigns,
            "campaigns",
            _at(measured, "canned", at=USUAL_CONNECTIONS),
        ),
        _table("http-given", given, "connections", _at(measured, "given")),
    ]
    return [table for table in tables if table.rows]


def _at(
    measured: Sequence[Measured], database: str, *, size: int | None = None, at: int | None = None
) -> list[Measured]:
    return [
        each
        for each in measured
        if each.database == database
        and size in {None, each.campaigns}
        and at in {None, each.connections}
    ]


def _table(key: str, title: str, by: str, measured: Sequence[Measured]) -> Table:
    groups: dict[tuple[int, str], list[Measured]] = {}
    for each in measured:
        groups.setdefault((getattr(each, by), each.server), []).append(each)
    columns = ["server", by, "req/s", "of floor", "p50 ms", "p99 ms", "CPU µs", "of floor's"]
    rows: list[list[Cell]] = [
        [server, number, *_figures(runs, groups[number, FLOOR])]
        for (number, server), runs in groups.items()
    ]
    return Table(key=key, title=title, columns=columns, rows=rows)


def _figures(runs: Sequence[Measured], floors: Sequence[Measured]) -> list[float]:
    throughputs = [each.load.throughput for each in runs]
    processors = [each.processor for each in runs]
    return [
        median(throughputs),
        ratio(throughputs, [each.load.throughput for each in floors]),
        median([each.load.p50 for each in runs]),
        median([each.load.p99 for each in runs]),
        median(processors),
        ratio(processors, [each.processor for each in floors]),
    ]


def _beside_the_common_way(measured: Sequence[Measured]) -> list[str]:
    usual = _at(measured, "canned", size=USUAL_SIZE, at=USUAL_CONNECTIONS)
    ours = [each.load.throughput for each in usual if each.server == OURS]
    others = [each.load.throughput for each in usual if each.server == COMMON]
    return [f"{ratio(ours, others):.1f} times the common way at 64 connections"] if ours else []


def _one_connection(measured: Sequence[Measured], trips: dict[str, float]) -> list[str]:
    """Compare the least latency with what it cannot be below: the floor, and one query."""
    notes = []
    for database, trip in trips.items():
        alone = _at(measured, database, size=USUAL_SIZE, at=1)
        ours = [each.load.p50 for each in alone if each.server == OURS]
        least = [each.load.p50 for each in alone if each.server == FLOOR]
        if ours and least:
            bound = median(least) + trip
            notes.append(
                f"One connection, {database} MongoDB: p50 {median(ours):.2f} ms; the floor's "
                f"{median(least):.2f} ms and one query of {trip:.2f} ms are {bound:.2f} ms"
            )
    return notes
