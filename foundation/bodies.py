"""Bodies of requests, read within limits of size and time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import Request

from foundation.draining import Draining
from foundation.errors import BodyTimeout, BrokenOff, TooLarge, Unavailable, UnsupportedBody

BODY_IDLE_SECONDS = 30.0
# For the rest of a body once the service is stopping; with what follows it is within 10 s.
DRAIN_SECONDS = 3.0


async def body_chunks(
    request: Request, *, drain_seconds: float = DRAIN_SECONDS
) -> AsyncGenerator[bytes, None]:
    """Yield the pieces of a request's body as they arrive.

    Raises:
        Unavailable: the service began to stop `drain_seconds` ago.
        BodyTimeout: nothing arrived for 30 s.
        BrokenOff: the body ended before its Content-Length.
        UnsupportedBody: the body is compressed.
        ClientDisconnect: the connection was closed before the body's end.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise UnsupportedBody("the body must not be compressed: Content-Encoding must be identity")
    missing = _content_length(request)
    draining: Draining = request.scope.get("state", {}).get("draining") or Draining()
    stream = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(BODY_IDLE_SECONDS) as limit:
                with draining.shortening(limit, drain_seconds):
                    chunk = await anext(stream, None)
        except TimeoutError:
            if draining.started:
                raise Unavailable("the service is stopping") from None
            raise BodyTimeout("the body stopped coming") from None
        if chunk is None:
            break
        missing -= len(chunk)
        yield chunk
    # A server that lost a part of the body must not make a success of the rest.
    if missing > 0:
        raise BrokenOff("the body ended before its Content-Length")


async def read_body(request: Request, *, limit: int, what: str) -> bytes:
    """Read a request's body, never holding more than `limit` bytes of it.

    Raises:
        TooLarge: it is longer than `limit`; a Content-Length says so before a byte is read.
        BodyTimeout, BrokenOff, Unavailable, UnsupportedBody, ClientDisconnect: as `body_chunks`.
    """
    too_large = TooLarge(f"{what} must not be over {limit} bytes")
    if _content_length(request) > limit:
        raise too_large
    body = bytearray()
    async with aclosing(body_chunks(request)) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                raise too_large
    return bytes(body)


def _content_length(request: Request) -> int:
    """Return the announced length, 0 for none; a server refuses one that is not a number."""
    length = request.headers.get("content-length", "")
    return int(length[:20]) if length.isascii() and length.isdigit() else 0
