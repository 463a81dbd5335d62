"""A TCP proxy whose link can be made slow, mute or dead."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from testbed.background import Background
from testbed.servers import free_port

_CHUNK = 64 * 1024


class Proxy:
    """Forwards its port to the first of `targets` (ports of 127.0.0.1) that accepts."""

    def __init__(self, background: Background, *targets: int) -> None:
        self.port = free_port()
        self.targets: Sequence[int] = targets
        self._background = background
        self._seconds = 0.0
        self._open = asyncio.Event()
        self._open.set()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._background.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._background.run(self._stop())

    def hold(self) -> None:
        """Lose every packet from now on; connections stay, and new ones get no answer."""
        self._background.run(self._set_open(is_open=False))

    def release(self) -> None:
        """Let packets through again, those that were sent again meanwhile first."""
        self._background.run(self._set_open(is_open=True))

    def strand(self) -> None:
        """Lose every packet of the connections that there are; new ones work."""
        self._background.run(self._strand())

    def slow_down(self, seconds: float) -> None:
        """Keep each piece for so long before it goes on."""
        self._seconds = seconds

    def cut(self) -> None:
        """Break every connection; new ones are welcome."""
        self._background.run(self._cut())

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _stop(self) -> None:
        if self._server:
            self._server.close()
        await self._cut()

    async def _set_open(self, *, is_open: bool) -> None:
        if is_open:
            self._open.set()
        else:
            self._open.clear()

    async def _strand(self) -> None:
        self._open.clear()
        self._open = asyncio.Event()
        self._open.set()

    async def _cut(self) -> None:
        connections = tuple(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._forward(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        # A connection that is stranded keeps the event that is cleared for good.
        is_open = self._open
        with suppress(OSError, ExceptionGroup, asyncio.CancelledError):
            try:
                await is_open.wait()
                there, back = await self._connect()
                writers.append(back)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(reader, back, is_open))
                    both.create_task(self._pump(there, writer, is_open))
            finally:
                for each in writers:
                    each.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for target in self.targets:
            with suppress(ConnectionRefusedError):
                return await asyncio.open_connection("127.0.0.1", target)
        raise ConnectionRefusedError

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        is_open: asyncio.Event,
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            await asyncio.sleep(self._seconds)
            await is_open.wait()
            writer.write(chunk)
            await writer.drain()
        # Half a connection is none here: the other direction ends with it.
        raise ConnectionResetError
