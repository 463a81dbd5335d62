"""Load by wrk: as many requests as the server answers, over kept connections."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.workload import PLAYERS, player_id

_SCRIPT = Path(__file__).parent / "players.lua"
# What wrk needs to start, and to stop when a server hangs.
_GRACE_SECONDS = 20.0
# One player after another: what answers many requests for one player at once gains nothing.
_ASKED = [player_id(number) for number in range(PLAYERS)]


class LoadFailed(Exception):
    """There is no load to be had, or the server did not stand it; the message says which."""


@dataclass(frozen=True)
class Load:
    """What a run of wrk measured. Latencies in milliseconds."""

    throughput: float
    p50: float
    p99: float
    p999: float
    max: float
    requests: int


def require_wrk() -> None:
    """See that wrk is there.

    Raises:
        LoadFailed: it is not.
    """
    if not shutil.which("wrk"):
        raise LoadFailed("wrk is not installed: apt-get install wrk (brew install wrk)")


def load(url: str, *, connections: int, seconds: float) -> Load:
    """Ask a service for players' configurations for so long; every answer must be 200.

    Raises:
        LoadFailed: some were not, or wrk ended with an error.
    """
    options = ["--threads", "1", "--connections", str(connections), "--timeout", "10s"]
    options += ["--duration", f"{max(1, round(seconds))}s", "--script", str(_SCRIPT)]
    command = ["wrk", *options, url, "--", *_ASKED]
    try:
        ended = subprocess.run(  # noqa: S603 - what was found on PATH
            command, capture_output=True, text=True, check=True, timeout=seconds + _GRACE_SECONDS
        )
    except subprocess.SubprocessError as error:
        raise LoadFailed(f"wrk failed: {error}") from error
    return read_load(ended.stdout)


def read_load(output: str) -> Load:
    """Read what wrk printed: its own text, and a line of JSON at the end.

    Raises:
        LoadFailed: there were requests that failed, or none at all.
    """
    summary = orjson.loads(output.rstrip().rpartition("\n")[2])
    if summary["failed"] or not summary["requests"]:
        raise LoadFailed(f"{summary['failed']} of {summary['requests']} requests failed")
    return Load(
        throughput=summary["requests"] / summary["microseconds"] * 1e6,
        p50=summary["p50"] / 1000,
        p99=summary["p99"] / 1000,
        p999=summary["p999"] / 1000,
        max=summary["max"] / 1000,
        requests=summary["requests"],
    )
