"""Memory: what campaigns cost a process of each service, and what they cost for themselves."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.propagation.snapshots import body_of, first_snapshot
from benchmarks.report.results import Cell, Result, Table
from benchmarks.servers.deployment import deployed
from benchmarks.servers.existing_servers import Urls, existing_or_private
from benchmarks.servers.processes import environment, resident_bytes
from benchmarks.workload import campaigns
from contracts.wire import MAX_SNAPSHOT_BYTES

SIZES = (100, 10_000, 100_000)
MEBIBYTE = 1024 * 1024
COMPILE_SECONDS = 300.0
# The instance has taken over the campaigns, and the loops have come to rest.
REST_SECONDS = 3.0


@dataclass(frozen=True)
class Measured:
    """Bytes. The services' are not known where no snapshot can carry so many campaigns."""

    campaigns: int
    snapshot: int
    compiled: int
    campaign_service: int | None
    profile_service: int | None


def run(*, sizes: Sequence[int] = SIZES, urls: Urls) -> Result:
    """Measure each size with fresh processes."""
    measured = []
    with existing_or_private(urls) as servers:
        for size in sizes:
            body = len(body_of(first_snapshot(list(campaigns(size)))))
            resident = _resident(servers, size) if body <= MAX_SNAPSHOT_BYTES else (None, None)
            measured.append(Measured(size, body, _compiled(size), *resident))
    return Result(benchmark="memory", options={}, tables=[_table(measured)], measured=measured)


def _resident(servers: Urls, size: int) -> tuple[int, int]:
    with deployed(servers, 1) as deployment:
        deployment.replace_campaigns(size)
        instance = deployment.instances[0]
        deployment.wait_until_applied()
        time.sleep(REST_SECONDS)
        return resident_bytes(deployment.campaigns.pid), resident_bytes(instance.pid)


def _compiled(size: int) -> int:
    command = [sys.executable, "-m", "benchmarks.servers.compiled", str(size)]
    ended = subprocess.run(  # noqa: S603 - our own module
        command, env=environment(), capture_output=True, check=True, timeout=COMPILE_SECONDS
    )
    return int(ended.stdout)


def _table(measured: Sequence[Measured]) -> Table:
    rows: list[list[Cell]] = [
        [
            f"{each.campaigns:,}",
            each.snapshot / MEBIBYTE,
            each.compiled / MEBIBYTE,
            round(each.compiled / each.campaigns),
            each.campaign_service and each.campaign_service / MEBIBYTE,
            each.profile_service and each.profile_service / MEBIBYTE,
        ]
        for each in measured
    ]
    columns = ["campaigns", "snapshot MiB", "compiled MiB", "bytes a campaign"]
    columns += ["RSS of campaign service MiB", "RSS of profile service MiB"]
    return Table(key="memory", title="Memory by campaigns", columns=columns, rows=rows)
