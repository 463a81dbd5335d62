"""Bodies of requests, read within a limit."""

import asyncio

from fastapi import Request
from starlette.exceptions import HTTPException

from foundation.errors import TooLarge

BODY_IDLE_SECONDS = 30.0


async def read_body(request: Request, *, limit: int, what: str) -> bytes:
    """Read a request's body, never holding more than `limit` bytes of it.

    Raises:
        TooLarge: it is longer than `limit`; a Content-Length says so before a byte is read.
        HTTPException: 408 when nothing comes for 30 s.
    """
    too_large = TooLarge(f"{what} must not be over {limit} bytes")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > limit:
        raise too_large
    body = bytearray()
    chunks = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(BODY_IDLE_SECONDS):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise HTTPException(408, "the body stopped coming") from None
        if chunk is None:
            return bytes(body)
        body += chunk
        if len(body) > limit:
            raise too_large
