"""HTTP: our route beside the baseline, and beside the way it is commonly written."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson

from benchmarks.http.one_query import queries
from benchmarks.http.tables import (
    BASELINE,
    LANGUAGE,
    LANGUAGE_SIZE,
    LATER_QUERY,
    NO_QUERY,
    OURS,
    QUERY,
    TYPICAL,
    USUAL_CONNECTIONS,
    USUAL_SIZE,
    Measured,
    notes_of,
    tables_of,
)
from benchmarks.http.wrk import load, require_wrk
from benchmarks.report.results import Result
from benchmarks.servers.players import with_players
from benchmarks.servers.processes import (
    FakeMongoProcess,
    baseline,
    no_query,
    origin,
    processor_seconds,
    typical_fastapi,
)
from benchmarks.workload import player_id
from testbed.processes import ServiceProcess, profile_service
from testbed.servers import free_port

CONNECTIONS = (1, 16, 64, 256)
SIZES = (10, 100, 1_000, 10_000)
DATABASE = "profile_matcher_bench"

WARM_UP_SECONDS = 1.0


def run(
    *,
    connections: Sequence[int] = CONNECTIONS,
    sizes: Sequence[int] = SIZES,
    seconds: float = 4.0,
    rounds: int = 5,
    mongo_url: str = "",
) -> Result:
    """Measure the three in turn, `rounds` times for `seconds` each.

    Those with other numbers of campaigns take turns with them, so that all numbers can be
    compared. With `mongo_url` it is done once more, at one size, with that server's database.

    Raises:
        LoadFailed: wrk is missing, or requests failed.
    """
    require_wrk()
    measured: list[Measured] = []
    with FakeMongoProcess() as fake, ExitStack() as stack:
        fleets = {size: stack.enter_context(deployed(fake.url, size)) for size in sizes}
        measured += _in_turn("fake", fake.url, fleets, connections, seconds, rounds)
    if mongo_url:
        with with_players(mongo_url, DATABASE), deployed(mongo_url, USUAL_SIZE) as servers:
            fleets = {USUAL_SIZE: servers}
            measured += _in_turn("existing", mongo_url, fleets, connections, seconds, rounds)
    return Result(
        benchmark="http",
        options={"seconds": seconds, "rounds": rounds},
        tables=tables_of(measured),
        measured={"runs": measured},
        notes=notes_of(measured),
    )


@contextmanager
def deployed(mongo_url: str, size: int) -> Iterator[dict[str, ServiceProcess]]:
    """Start the servers, each of which answers the same, byte for byte but for the ages."""
    with ExitStack() as stack:
        stack.enter_context(asking := origin(size))
        settings = {
            "mongo_url": mongo_url,
            "mongo_database": DATABASE,
            # Nobody is there: no event comes while requests are measured.
            "amqp_url": f"amqp://127.0.0.1:{free_port()}/",
            "campaigns_url": asking.url,
        }
        ours, without = profile_service(**settings), no_query(**settings)
        for service in (ours, without):
            stack.enter_context(service)
            service.until_ready()
        answer = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "answer.json"
        answer.write_bytes(orjson.dumps(answer_of(ours)))
        servers = {
            BASELINE: stack.enter_context(baseline(answer)),
            OURS: ours,
            NO_QUERY: without,
            TYPICAL: stack.enter_context(
                typical_fastapi(mongo_url=mongo_url, mongo_database=DATABASE, campaigns=size)
            ),
        }
        if size == LANGUAGE_SIZE:
            stack.enter_context(targeted := origin(size, targeted=True))
            # A rollout takes other players: what is stored of them would be written anew.
            settings |= {"campaigns_url": targeted.url, "persist_active_campaigns": "false"}
            servers[LANGUAGE] = stack.enter_context(profile_service(**settings))
            servers[LANGUAGE].until_ready()
        yield servers


def answer_of(server: ServiceProcess) -> dict[str, Any]:
    """Return a server's answer for a player: the body, and the headers that are its own."""
    answer = server.client.get(f"/get_client_config/{player_id(0)}").raise_for_status()
    framework = {"date", "server", "content-length", "content-type"}
    headers = {name: value for name, value in answer.headers.items() if name not in framework}
    return {"headers": headers, "body": answer.text}


def _in_turn(
    database: str,
    mongo_url: str,
    fleets: Mapping[int, Mapping[str, ServiceProcess]],
    connections: Sequence[int],
    seconds: float,
    rounds: int,
) -> Iterator[Measured]:
    """Ask one after the other, again and again: what slows the machine down slows all of them."""
    for servers in fleets.values():
        for server in servers.values():
            load(server.url, connections=1, seconds=WARM_UP_SECONDS)
    for at in connections:
        sizes = [size for size in fleets if size == USUAL_SIZE or at == USUAL_CONNECTIONS]
        for _ in range(rounds):
            for size in sizes:
                for name, server in fleets[size].items():
                    if name == NO_QUERY and at > 1:
                        continue
                    before = processor_seconds(server.pid)
                    found = load(server.url, connections=at, seconds=seconds)
                    used = processor_seconds(server.pid) - before
                    yield Measured(database, name, size, at, found, used / found.requests * 1e6)
            if at == 1:
                baseline_url = fleets[USUAL_SIZE][BASELINE].url
                for name, between in ((QUERY, ""), (LATER_QUERY, baseline_url)):
                    trips = queries(mongo_url, DATABASE, between=between)
                    yield Measured(database, name, USUAL_SIZE, at, *trips)
