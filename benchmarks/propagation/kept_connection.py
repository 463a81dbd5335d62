"""KeptConnection: HTTP over one connection that stays open, with next to no cost of its own."""

import asyncio
import re
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

ANSWER_SECONDS = 30.0

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class RequestFailed(Exception):
    """The answer is not a 2xx, or there is none; the message is the status and the body, or why."""


class KeptConnection:
    """A connection to one server, opened with the block."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def request(
        self, path: str, *, method: str = "GET", token: str = "", body: bytes = b""
    ) -> bytes:
        """Send a request, one at a time, and give the body of the answer.

        Raises:
            RequestFailed: the answer is not a 2xx, or the connection broke.
            TimeoutError: it did not come.
        """
        if self._reader.at_eof():  # a server closes what was idle for some seconds
            self._writer.close()
            await self._open()
        head = [f"{method} {path} HTTP/1.1", f"host: {self._address.netloc}"]
        head += [f"content-length: {len(body)}"] if body else []
        head += [f"authorization: Bearer {token}"] if token else []
        self._writer.write("\r\n".join([*head, "", ""]).encode() + body)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                received = await self._reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(received)
                content = await self._reader.readexactly(int(length[1])) if length else b""
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise RequestFailed(f"no answer: {error}") from error
        status = _STATUS.match(received)
        if not status or not status[1].startswith(b"2"):
            raise RequestFailed(f"{received.splitlines()[0].decode()}: {content[:200].decode()}")
        return content

    async def _open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(
            self._address.hostname, self._address.port
        )
