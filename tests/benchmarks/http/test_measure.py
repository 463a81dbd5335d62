"""The HTTP benchmark compares servers that give the same answer."""

from collections.abc import Iterator

import pytest

from benchmarks.http.measure import answer_of, deployed
from benchmarks.http.one_query import QUERIES, queries
from benchmarks.http.tables import (
    BASELINE,
    LATER_QUERY,
    NO_QUERY,
    OURS,
    QUERY,
    TYPICAL,
    Measured,
    notes_of,
    tables_of,
)
from benchmarks.http.wrk import Load
from benchmarks.servers.processes import FakeMongoProcess, processor_seconds
from benchmarks.workload import player, player_id
from testbed.processes import ServiceProcess


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, ServiceProcess]]:
    """The three servers, on a fake MongoDB."""
    with FakeMongoProcess() as fake, deployed(fake.url, 30) as started:
        yield started


def test_the_floor_gives_our_answer(servers: dict[str, ServiceProcess]) -> None:
    """The baseline has the bytes of our answer, and headers of the same names."""
    baseline, ours = answer_of(servers[BASELINE]), answer_of(servers[OURS])
    assert baseline["body"] == ours["body"]
    assert baseline["headers"].keys() == ours["headers"].keys()


def test_the_service_without_its_query_gives_our_answer(
    servers: dict[str, ServiceProcess],
) -> None:
    """What is measured without a query answers the same as with one."""
    assert answer_of(servers[NO_QUERY])["body"] == answer_of(servers[OURS])["body"]


def test_the_typical_service_gives_the_same_profile(servers: dict[str, ServiceProcess]) -> None:
    """Any player is told the same by ours and by the typical service: the stored set, ordered."""
    told = [
        servers[name].client.get(f"/get_client_config/{player_id(7)}").json()
        for name in (OURS, TYPICAL)
    ]
    assert told[0] == told[1]
    assert told[0]["player_id"] == player_id(7)
    assert sorted(told[0]["active_campaigns"]) == player()["active_campaigns"]


def test_processor_time_only_grows(servers: dict[str, ServiceProcess]) -> None:
    """A process that answers has used the processor."""
    pid = servers[TYPICAL].pid
    before = processor_seconds(pid)
    for _ in range(50):
        answer_of(servers[TYPICAL])
    assert processor_seconds(pid) >= before > 0


def test_tables() -> None:
    """Ratios are of neighbours, and cores follow from processor time at the peak and in use."""
    servers = ((BASELINE, 1.0, 100.0), (OURS, 0.9, 120.0), (TYPICAL, 0.2, 500.0))
    measured = [
        _measured(server, possible * share, processor)
        for possible in (8_000.0, 4_000.0)
        for server, share, processor in servers
    ]
    tables = {table.key: table for table in tables_of(measured)}
    ours = next(row for row in tables["http"].rows if row[0] == OURS)
    assert ours[1:4] == [64, pytest.approx(5_400.0), pytest.approx(0.9)]
    assert ours[6:] == [120.0, pytest.approx(1.2)]
    # 100,000,000 an hour are 83,333 a second at the peak, and 10 s of processor time.
    hourly = next(row for row in tables["capacity"].rows if row[0] == "100,000,000")
    assert hourly[3] == 17
    assert "http-existing" not in tables
    assert notes_of(measured)[0].startswith("4.5 times the typical service")


def test_more_campaigns_are_compared_round_by_round() -> None:
    """The note tells what the most campaigns leave of the throughput that the usual number has."""
    measured = [
        _measured(server, possible * left, 100.0, campaigns=size)
        for possible in (8_000.0, 1_000.0, 4_000.0)
        for size, left in ((100, 1.0), (10_000, 0.95))
        for server in (OURS, TYPICAL)
    ]
    assert "10,000 campaigns leave 0.95 of the throughput that 100 have" in notes_of(measured)


def test_the_lone_request_is_compared_round_by_round() -> None:
    """The note on one connection compares each round with its own baseline and query."""
    measured = [
        _measured(server, 1_000.0, 100.0, connections=1, p50=p50 * slower)
        for slower in (1.0, 3.0, 1.0)
        for server, p50 in ((BASELINE, 0.2), (OURS, 0.6), (QUERY, 0.3), (LATER_QUERY, 0.4))
    ]
    (note,) = notes_of(measured)
    assert "1.20 times that of the baseline and one query together" in note
    assert "1.00 times with one query after" in note


def test_a_query_is_measured() -> None:
    """A query's time and the processor time for it are those of the driver in this process."""
    with FakeMongoProcess() as fake:
        load, processor = queries(fake.url, "any")
    assert load.requests == QUERIES
    assert 0 < load.p50 <= load.p99 <= load.max
    assert processor > 0


def _measured(
    server: str,
    throughput: float,
    processor: float,
    *,
    campaigns: int = 100,
    connections: int = 64,
    p50: float = 1.0,
) -> Measured:
    load = Load(throughput=throughput, p50=p50, p99=2.0, p999=3.0, max=4.0, requests=1)
    return Measured("fake", server, campaigns, connections, load, processor)
