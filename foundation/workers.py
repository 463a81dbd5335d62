"""Refusing `uvicorn --workers N`: an instance is one process, with an address of its own."""

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence

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
    is_child = multiprocessing.parent_process() is not None
    if is_child and workers(sys.argv, os.environ) > 1:
        sys.stderr.write(f"{_MESSAGE}\n")
        sys.exit(STARTUP_FAILURE)


def workers(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Return the number of workers that a uvicorn command line asks for.

    A spawned worker has its parent's arguments. `--reload` takes precedence over workers.
    """
    if "--reload" in arguments:
        return 1
    text = environment.get("WEB_CONCURRENCY", "")
    for option, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if option == "--workers":
            text = following
        elif option.startswith("--workers="):
            text = option.partition("=")[2]
    return int(text) if text.isascii() and text.isdecimal() else 1
