"""Refusing several uvicorn workers: an instance is one process, with an address of its own."""

import multiprocessing
import sys
from multiprocessing.process import BaseProcess

from uvicorn import Config

# uvicorn's own exit code for an application that cannot start. With any other its supervisor
# starts the worker again and again.
STARTUP_FAILURE = 3

_MESSAGE = (
    "--workers must be 1: start one process for each instance, each on a port of its own. "
    "Workers that share a port cannot be addressed: /health, /metrics and /cache/invalidate "
    "would reach any one of them."
)


def refuse_workers() -> None:
    """Exit if this process is one of several uvicorn workers that share a port.

    Raises:
        SystemExit: with uvicorn's code for a failed start, after one line on standard error.
    """
    if workers_beside(multiprocessing.current_process()) > 1:
        sys.stderr.write(f"{_MESSAGE}\n")
        sys.exit(STARTUP_FAILURE)


def workers_beside(process: BaseProcess) -> int:
    """Return how many workers uvicorn starts when it starts this process; 1 if it does not.

    `--reload` starts a process, too: only one, whatever the number of workers.
    """
    # uvicorn starts each worker with its configuration, which a command line, UVICORN_WORKERS,
    # WEB_CONCURRENCY and a call of uvicorn.run all end up in. There is no public way to it.
    config = getattr(process, "_kwargs", {}).get("config")
    if not isinstance(config, Config) or config.should_reload:
        return 1
    return config.workers
