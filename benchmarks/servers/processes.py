"""The servers of a benchmark as processes, which end with the block that they are in."""

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from testbed.processes import ServiceProcess
from testbed.servers import ServerProcess, mongo_answers

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class FakeMongoProcess(ServerProcess):
    """A fake MongoDB."""

    def __init__(self) -> None:
        super().__init__("fake MongoDB")
        self.url = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "benchmarks.servers.fake_mongo", str(self.port)]

    def _answers(self) -> bool:
        return mongo_answers(f"127.0.0.1:{self.port}")

    def _environment(self) -> dict[str, str]:
        return environment()


class BareConsumer(ServerProcess):
    """A process that says when it received a message, and does nothing else."""

    def __init__(self, amqp_url: str) -> None:
        super().__init__("bare consumer")
        self._amqp_url = amqp_url

    def received_at(self, message_id: str) -> float | None:
        """Return when a message came, by the monotonic clock; None while it has not."""
        for line in self.log().splitlines(keepends=True):
            name, _, at = line.partition(" ")
            if name == message_id and at.endswith("\n"):
                return float(at)
        return None

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "benchmarks.servers.bare_consumer", self._amqp_url]

    def _answers(self) -> bool:
        return "ready" in self.log()

    def _environment(self) -> dict[str, str]:
        return environment()


def start_all(processes: Sequence[ServerProcess], stack: ExitStack) -> None:
    """Start processes side by side; the stack ends them."""
    for process in processes:
        stack.callback(process.close)
    with ThreadPoolExecutor(max_workers=4) as starting:
        list(starting.map(lambda process: process.start(), processes))


def origin(campaigns: int, *, targeted: bool = False) -> ServiceProcess:
    """Return a campaign service that has one snapshot, of the whole language if `targeted`."""
    settings: dict[str, object] = {"campaigns": campaigns}
    if targeted:
        settings["targeted"] = "1"
    return ServiceProcess("benchmarks.servers.origin:create_app", settings)


def baseline(answer: Path) -> ServiceProcess:
    """Return the server of constant bytes."""
    return ServiceProcess("benchmarks.servers.baseline:create_app", {"answer": answer})


def no_query(**settings: object) -> ServiceProcess:
    """Return the profile service that has its profiles in memory."""
    return ServiceProcess("benchmarks.servers.no_query:create_app", settings)


def typical_fastapi(*, mongo_url: str, mongo_database: str, campaigns: int) -> ServiceProcess:
    """Return the service as it is commonly written."""
    return ServiceProcess(
        "benchmarks.servers.typical_fastapi:create_app",
        {"mongo_url": mongo_url, "mongo_database": mongo_database, "campaigns": campaigns},
    )


def environment() -> dict[str, str]:
    """Return the environment of a process that imports the benchmarks."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used so far, in user and in kernel mode."""
    # The name of the command, in brackets, may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has in use now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
