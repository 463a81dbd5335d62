"""The two services as processes that start in a blink.

Importing a service takes two seconds of a core. Here that is done once, in a process that
then forks each service: a process with a pid, a port and a life of its own, as any other.
"""

import multiprocessing
import os
import subprocess
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import uvicorn

from testbed.processes import ServiceProcess
from testbed.servers import ChildProcess

_PRELOADED = ["pytest", "campaign_publisher.main", "profile_service.main", "testbed.warm"]


class WarmServiceProcess(ServiceProcess):
    """A ServiceProcess that is forked from one that has imported everything."""

    def _spawn(self, command: Sequence[str]) -> ChildProcess:
        del command  # what it stands for is done in _serve
        process = _context().Process(
            target=_serve,
            args=(self._app, self.port, self._environment(), self.folder),
            daemon=True,
        )
        process.start()
        return _Forked(process)


class _Forked:
    """A forked process with the methods of a Popen."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a forked service", timeout or 0.0)
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()


def campaign_service(**settings: object) -> WarmServiceProcess:
    """Return a campaign service with these settings."""
    return WarmServiceProcess("campaign_publisher.main:create_app", settings)


def profile_service(**settings: object) -> WarmServiceProcess:
    """Return a profile service with these settings."""
    return WarmServiceProcess("profile_service.main:create_app", settings)


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def _serve(app: str, port: int, environment: dict[str, str], folder: Path) -> None:
    os.setsid()
    with (folder / "output.log").open("ab") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    uvicorn.run(app, factory=True, host="127.0.0.1", port=port, access_log=False)
