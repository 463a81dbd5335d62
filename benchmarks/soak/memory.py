"""What each process has in RAM over its life: when it serves, after a minute, at its end."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.servers.processes import resident_bytes
from testbed.servers import ServerProcess

SETTLED_SECONDS = 60.0
LOOK_SECONDS = 1.0


@dataclass
class Life:
    """One process of a service, from its first answer to its end. Bytes, and seconds of that.

    `settled` is what it had after its first minute; None while it is younger.
    """

    name: str
    pid: int
    began: float
    first: int
    last: int
    seconds: float = 0.0
    settled: int | None = None

    @property
    def growth(self) -> float | None:
        """The growth after the first minute, in percent."""
        return (self.last / self.settled - 1) * 100 if self.settled else None

    def see(self, resident: int, now: float) -> None:
        """Take note of what it has in RAM now."""
        self.seconds = now - self.began
        self.last = resident
        if self.settled is None and self.seconds >= SETTLED_SECONDS:
            self.settled = resident


class Memory:
    """The lives of all services; one that was restarted has had several."""

    def __init__(self) -> None:
        self.lives: list[Life] = []
        self._current: dict[str, Life] = {}

    def see(self, name: str, pid: int, resident: int, now: float) -> None:
        """Take note of what the process of a service has in RAM now."""
        life = self._current.get(name)
        if life is None or life.pid != pid:
            life = self._current[name] = Life(name, pid, now, first=resident, last=resident)
            self.lives.append(life)
        life.see(resident, now)

    def longest(self) -> Sequence[Life]:
        """Return the longest life of each service."""
        found: dict[str, Life] = {}
        for life in self.lives:
            if life.name not in found or life.seconds > found[life.name].seconds:
                found[life.name] = life
        return list(found.values())

    async def watch(self, processes: Mapping[str, ServerProcess]) -> None:
        """Look once a second, until cancelled."""
        while True:
            for name, process in processes.items():
                # It may be away, or go while it is looked at.
                with suppress(RuntimeError, OSError):
                    await self._look(name, process)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, name: str, process: ServerProcess) -> None:
        pid = process.pid
        if name not in self._current or self._current[name].pid != pid:
            # Refused while it still imports what it is made of.
            _, connection = await asyncio.open_connection("127.0.0.1", process.port)
            connection.transport.abort()
        self.see(name, pid, resident_bytes(pid), time.monotonic())
