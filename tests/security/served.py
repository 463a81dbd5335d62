"""Both services served by uvicorn in this process, and connections to write bytes to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

ANSWER_SECONDS = 10.0
STARTED_POLL_SECONDS = 0.005
# Long enough for a segment to be read before the next is sent.
SEGMENT_SECONDS = 0.005


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the signals of the test process alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(app: FastAPI, *, protocol: str) -> AsyncIterator[int]:
    """Serve an app by `uvicorn --http PROTOCOL`; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, lifespan="on", log_config=None, http=protocol)
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while not server.started:  # noqa: ASYNC110 - it has no event
                    await asyncio.sleep(STARTED_POLL_SECONDS)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = server.force_exit = True
            await task


class Connection:
    """One connection to a server; what arrives is read up to its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *segments: bytes) -> None:
        """Write segments that arrive one by one."""
        for segment in segments:
            self._writer.write(segment)
            await self._writer.drain()
            await asyncio.sleep(SEGMENT_SECONDS)

    def end(self) -> None:
        """End the sending half of the connection; answers can still be read."""
        self._writer.write_eof()

    async def head(self) -> tuple[int, dict[str, str]]:
        """Read an answer's status and headers."""
        async with asyncio.timeout(ANSWER_SECONDS):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *lines = head.strip().split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
            }
        return int(status.split()[1]), headers

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read one answer: its status, headers and body."""
        status, headers = await self.head()
        async with asyncio.timeout(ANSWER_SECONDS):
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return status, headers, body

    async def rest(self) -> bytes:
        """Read until the server closes the connection."""
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self._reader.read()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    """Open a connection to a port of this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
