"""The campaign service's GET /snapshot, asked over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from pydantic import HttpUrl, ValidationError

from contracts.snapshot import LogPosition
from contracts.wire import SNAPSHOT_PATH, SnapshotEvent, snapshot_etag
from profile_service.cache.origin import Fetched, OriginUnavailable
from profile_service.cache.reading import MAX_BYTES

TIMEOUT = httpx.Timeout(5.0)


class HttpOrigin:
    """Asks with If-None-Match, so that an unchanged snapshot costs headers only."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def fetch(self, held: LogPosition | None) -> Fetched:
        """Ask for the newest snapshot, unless it is the held one.

        Raises:
            OriginUnavailable: no answer, an error, or an answer without a snapshot's headers.
        """
        headers = {"if-none-match": snapshot_etag(held)} if held else {}
        try:
            async with self._client.stream("GET", SNAPSHOT_PATH, headers=headers) as response:
                return await _read(response)
        except httpx.HTTPError as error:
            raise OriginUnavailable(type(error).__name__) from None


async def _read(response: httpx.Response) -> Fetched:
    if response.status_code not in {httpx.codes.OK, httpx.codes.NOT_MODIFIED}:
        raise OriginUnavailable(f"status {response.status_code}")
    try:
        event = SnapshotEvent.from_headers(response.headers)
    except ValidationError:
        raise OriginUnavailable("an answer without a snapshot's headers") from None
    if response.status_code == httpx.codes.NOT_MODIFIED:
        return Fetched(event, None)
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise OriginUnavailable(f"a snapshot over {MAX_BYTES} bytes")
    return Fetched(event, bytes(body))


@asynccontextmanager
async def open_http_origin(url: HttpUrl, *, token: str = "") -> AsyncIterator[HttpOrigin]:
    """Yield the campaign service at `url`, asked with `token`; nothing is connected to yet."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(
        base_url=str(url),
        headers=headers,
        timeout=TIMEOUT,
        # Requests are minutes apart: by then the server is closing a kept connection.
        limits=httpx.Limits(max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=False,
    ) as client:
        yield HttpOrigin(client)
