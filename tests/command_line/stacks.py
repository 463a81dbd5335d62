"""A development stack as a process of its own, on ports that are free."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "profile-matcher")
START_SECONDS = 60.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05
_SERVERS = ("MONGO_URL", "AMQP_URL", "ADMIN_TOKEN", "LOG_LEVEL")


@dataclass(frozen=True)
class Stack:
    """A stack that is up: its process, what it printed, its addresses and its token."""

    process: subprocess.Popen[bytes]
    printed: str
    campaigns_url: str
    profiles_url: str
    token: str

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and give the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def a_stack(
    folder: Path, *options: str, environ: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Start `profile-matcher up` with its data in `folder`; kill what is left of it at the end."""
    output = folder / "output.txt"
    with output.open("wb") as file:
        process = start(folder, *options, environ=environ, output=file.fileno())
    try:
        yield _stack(process, printed(process, output))
    finally:
        process.kill()
        process.wait(STOP_SECONDS)


def start(
    folder: Path, *options: str, environ: Mapping[str, str] | None = None, output: int
) -> subprocess.Popen[bytes]:
    """Start `profile-matcher up`; an option given here replaces the one of the tests."""
    given = {name: value for name, value in os.environ.items() if name not in _SERVERS}
    free = ["--campaigns-port=0", "--profiles-port=0", f"--data={folder / 'data'}"]
    return subprocess.Popen(
        [COMMAND, "up", *free, *options],
        cwd=folder,
        env={**given, **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    )


def printed(process: subprocess.Popen[bytes], output: Path, *, until: str = "Ctrl-C") -> str:
    """Return what a stack has printed into a file, once there is a certain text in it."""
    deadline = time.monotonic() + START_SECONDS
    while until not in (printed := output.read_text()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the stack did not start:\n{printed}")
        time.sleep(POLL_SECONDS)
    return printed


def _stack(process: subprocess.Popen[bytes], printed: str) -> Stack:
    def found(pattern: str) -> str:
        match = re.search(pattern, printed)
        assert match, printed
        return match[1]

    return Stack(
        process=process,
        printed=printed,
        campaigns_url=found(r"Campaigns: +(http://\S+)/docs"),
        profiles_url=found(r"Profiles: +(http://\S+)/docs"),
        token=found(r"Admin token: +(.+)"),
    )
