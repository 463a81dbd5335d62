"""Swap: how long requests wait while an instance takes over changed campaigns."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.http.wrk import Load, load, require_wrk
from benchmarks.propagation.events import message_of, publish
from benchmarks.propagation.snapshots import changed, first_snapshot
from benchmarks.report.quantiles import median
from benchmarks.report.results import Result, Table
from benchmarks.servers.existing_servers import Urls, existing_or_private
from benchmarks.servers.processes import FakeMongoProcess, origin
from benchmarks.workload import campaigns, player_id
from contracts.snapshot import CampaignSnapshot
from testbed.processes import ServiceProcess, profile_service

SIZES = (1_000, 10_000)
CONNECTIONS = 64
QUIET, CHANGING = "no changes", "changes"
APPLIED_SECONDS = 10.0


class NotApplied(Exception):
    """The instance did not take over the last change: what was measured is something else."""


@dataclass(frozen=True)
class Measured:
    """One run."""

    campaigns: int
    kind: str
    load: Load


def run(*, sizes: Sequence[int] = SIZES, changes: int = 20, rounds: int = 3, urls: Urls) -> Result:
    """Ask an instance without and with one change a second, in turn; MongoDB is a fake one.

    Raises:
        LoadFailed: wrk is missing, or requests failed.
        NotApplied: an event came to nothing.
    """
    require_wrk()
    measured: list[Measured] = []
    seconds = changes + 1.0
    # MongoDB is not asked for: any URL keeps a private one from being started.
    with existing_or_private(Urls(amqp=urls.amqp, mongo="fake")) as servers:
        for size in sizes:
            with _instance(servers.amqp, size) as instance:
                snapshot = first_snapshot(list(campaigns(size)))
                load(instance.url, connections=CONNECTIONS, seconds=1.0)
                for _ in range(rounds):
                    quiet = load(instance.url, connections=CONNECTIONS, seconds=seconds)
                    measured.append(Measured(size, QUIET, quiet))
                    snapshots = _after(snapshot, changes)
                    with _publishing(servers.amqp, snapshots):
                        busy = load(instance.url, connections=CONNECTIONS, seconds=seconds)
                    measured.append(Measured(size, CHANGING, busy))
                    snapshot = snapshots[-1]
                    _check_applied(instance, snapshot.revision)
    return Result(
        benchmark="swap",
        options={"changes": changes, "rounds": rounds, "connections": CONNECTIONS},
        tables=[_table(measured)],
        measured=measured,
    )


@contextmanager
def _instance(amqp_url: str, size: int) -> Iterator[ServiceProcess]:
    with (
        FakeMongoProcess() as mongo,
        origin(size) as campaign_source,
        profile_service(
            mongo_url=mongo.url, amqp_url=amqp_url, campaigns_url=campaign_source.url
        ) as instance,
    ):
        instance.until_ready()
        yield instance


def _after(snapshot: CampaignSnapshot, changes: int) -> list[CampaignSnapshot]:
    snapshots = []
    for _ in range(changes):
        snapshot = changed(snapshot)
        snapshots.append(snapshot)
    return snapshots


@contextmanager
def _publishing(amqp_url: str, snapshots: Sequence[CampaignSnapshot]) -> Iterator[None]:
    """Publish one a second beside the block, which lasts longer."""
    # Written before: that takes a second or more of the processors that are measured.
    messages = [message_of(snapshot) for snapshot in snapshots]
    with _beside(lambda: asyncio.run(publish(amqp_url, messages, every=1.0))):
        yield


@contextmanager
def _beside(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _check_applied(instance: ServiceProcess, revision: int) -> None:
    until = time.monotonic() + APPLIED_SECONDS
    while True:
        answer = instance.client.get(f"/get_client_config/{player_id(0)}")
        if int(answer.headers["x-campaigns-revision"]) == revision:
            return
        if time.monotonic() > until:
            raise NotApplied(f"{answer.headers['x-campaigns-revision']} is held, not {revision}")
        time.sleep(0.1)


def _table(measured: Sequence[Measured]) -> Table:
    columns = ["campaigns", "", "req/s", "p50 ms", "p99 ms", "p99.9 ms", "longest ms"]
    rows: list[list[str | int | float | None]] = []
    for size in dict.fromkeys(each.campaigns for each in measured):
        quiet, busy = (
            [each.load for each in measured if (each.campaigns, each.kind) == (size, kind)]
            for kind in (QUIET, CHANGING)
        )
        for kind, loads in ((QUIET, quiet), (CHANGING, busy)):
            rows.append([f"{size:,}", kind, *_figures(loads)])
        added = [b - q for b, q in zip(_figures(busy), _figures(quiet), strict=True)]
        rows.append([f"{size:,}", "added", *added])
    return Table(
        key="swap",
        title="Requests of 64 connections, without and with a change of one campaign a second",
        columns=columns,
        rows=rows,
    )


def _figures(loads: Sequence[Load]) -> list[float]:
    return [
        median([getattr(each, figure) for each in loads])
        for figure in ("throughput", "p50", "p99", "p999", "max")
    ]
