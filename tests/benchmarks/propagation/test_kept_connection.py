"""KeptConnection speaks HTTP with every server of the benchmarks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.propagation.kept_connection import KeptConnection, RequestFailed


@asynccontextmanager
async def a_server(answer: bytes, received: list[bytes]) -> AsyncIterator[str]:
    """Return the URL of a server that gives one answer to every request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            received.append(chunk)
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_asks_again_over_the_same_connection() -> None:
    """Each answer is read to its end, with no byte left for the next."""
    received: list[bytes] = []
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    async with a_server(answer, received) as url, KeptConnection(url) as connection:
        assert await connection.request("/first") == b"hello"
        body = await connection.request("/next", method="PUT", token="secret", body=b"{}")
    assert body == b"hello"
    assert received[0].startswith(b"GET /first HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"authorization: Bearer secret\r\n\r\n{}" in received[1]


async def test_a_connection_that_was_closed_is_opened_again() -> None:
    """As a server closes one that was idle; one that breaks while it is asked is a failure."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(65_536)
        if connections < 3:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, KeptConnection(url) as connection:
        for _ in range(2):
            assert await connection.request("/") == b""
            await asyncio.sleep(0.1)
        with pytest.raises(RequestFailed, match="no answer"):
            await connection.request("/")


async def test_an_answer_without_a_body() -> None:
    """204 has no length, and is none the less an answer."""
    answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    async with a_server(answer, []) as url, KeptConnection(url) as connection:
        assert await connection.request("/") == b""


async def test_a_failure_is_no_answer() -> None:
    """Another status than 2xx is an error that shows what was said."""
    answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\naway"
    async with a_server(answer, []) as url, KeptConnection(url) as connection:
        with pytest.raises(RequestFailed, match="503 Service Unavailable: away"):
            await connection.request("/")
