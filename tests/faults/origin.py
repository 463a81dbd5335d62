"""A campaign service of the tests' own, as broken as they like; it records each request."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import httpx

from contracts.snapshot import CampaignSnapshot
from contracts.wire import snapshot_etag
from testbed.background import Background
from testbed.fakes import body_of, event_of
from testbed.servers import free_port

# What to do with a request for a path, with its headers: give the bytes to answer.
Answer = Callable[[str, dict[str, str]], Awaitable[bytes]]


@dataclass(frozen=True)
class Asked:
    """One request: which path, when, and the status of the answer (0 when there was none)."""

    path: str
    at: float
    status: int


class Origin:
    """Serves its port as `answer` says. Each instance may ask it under a path of its own."""

    def __init__(self, background: Background, answer: Answer) -> None:
        self.port = free_port()
        self.answer = answer
        self.asked: list[Asked] = []
        self.most_in_flight: Counter[str] = Counter()
        self._in_flight: Counter[str] = Counter()
        self._background = background
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._background.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._background.run(self._stop())

    def asked_since(self, moment: float) -> list[Asked]:
        """Return the requests since a moment of the monotonic clock."""
        return [each for each in self.asked if each.at >= moment]

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _stop(self) -> None:
        if self._server:
            self._server.close()
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        path = request.split(" ")[1]
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        at, status = time.monotonic(), 0
        self._in_flight[path] += 1
        self.most_in_flight[path] = max(self.most_in_flight[path], self._in_flight[path])
        try:
            answering = asyncio.ensure_future(self.answer(path, headers))
            gone = asyncio.create_task(reader.read())
            await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if answering.cancel():
                return
            answer = answering.result()
            if answer:
                status = int(answer.split(b" ", 2)[1])
                writer.write(answer)
                await writer.drain()
        finally:
            self._in_flight[path] -= 1
            self.asked.append(Asked(path, at, status))
            writer.close()


def snapshot(served: CampaignSnapshot) -> Answer:
    """Answer as a campaign service does, with one snapshot."""

    async def answer(_: str, headers: dict[str, str]) -> bytes:
        told = event_of(served).to_headers()
        if headers.get("if-none-match") == snapshot_etag(served.position):
            return _response(304, b"", told)
        return _response(200, body_of(served), told)

    return answer


def error(status: int) -> Answer:
    """Answer with an error."""

    async def answer(*_: object) -> bytes:
        return _response(status, b"")

    return answer


def page(body: bytes) -> Answer:
    """Answer 200 with something that is no snapshot."""

    async def answer(*_: object) -> bytes:
        return _response(200, body, {"content-type": "text/html"})

    return answer


def half(served: CampaignSnapshot) -> Answer:
    """Begin a good answer and break it off in the middle of its JSON."""

    async def answer(*_: object) -> bytes:
        whole = _response(200, body_of(served), event_of(served).to_headers())
        return whole[: -len(body_of(served)) // 2]

    return answer


def broken_json(served: CampaignSnapshot) -> Answer:
    """Answer with half of the JSON as if it were all."""

    async def answer(*_: object) -> bytes:
        body = body_of(served)
        return _response(200, body[: len(body) // 2], event_of(served).to_headers())

    return answer


async def hanging(*_: object) -> bytes:
    """Never answer."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody sets it")


async def gone(*_: object) -> bytes:
    """Hang up without a word."""
    return b""


def forward(url: str) -> Answer:
    """Ask the service at `url` for the last part of the path, and give its answer."""

    async def answer(path: str, headers: dict[str, str]) -> bytes:
        passed = {name: headers[name] for name in ("if-none-match",) if name in headers}
        try:
            async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
                got = await http.get(path.rpartition("/")[2], headers=passed)
        except httpx.HTTPError:
            return b""
        told = {name: got.headers[name] for name in got.headers if name.startswith("x-")}
        return _response(got.status_code, got.content, told)

    return answer


def _response(status: int, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} -", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
