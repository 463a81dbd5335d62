"""Asking the campaign service for its snapshot, whatever it answers."""

import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from pydantic import HttpUrl
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from contracts.wire import snapshot_etag
from profile_service.cache.http_origin import HttpOrigin, open_http_origin
from profile_service.cache.origin import OriginUnavailable
from profile_service.cache.reading import MAX_BYTES
from testbed import servers
from testbed.builders import OTHER_STORE_ID, a_snapshot
from testbed.fakes import body_of, event_of

SNAPSHOT = a_snapshot(revision=5)
BODY = body_of(SNAPSHOT)
HEADERS = event_of(SNAPSHOT).to_headers()

Answer = Callable[[Request], Awaitable[Response]]


class App:
    """A campaign service that gives one answer, and keeps what it was asked."""

    def __init__(self, answer: Response | None = None) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        request = Request(scope)  # type: ignore[arg-type]
        self.asked.append(request)
        answer = self.answer or self._as_the_service(request)
        await answer(scope, receive, send)  # type: ignore[arg-type]

    def _as_the_service(self, request: Request) -> Response:
        if request.headers.get("if-none-match") == snapshot_etag(SNAPSHOT.position):
            return Response(status_code=304, headers=HEADERS)
        return Response(BODY, headers=HEADERS)


def origin_of(app: App) -> HttpOrigin:
    """Return an origin that asks this app."""
    transport = httpx.ASGITransport(app)
    return HttpOrigin(httpx.AsyncClient(transport=transport, base_url="http://campaigns"))


async def test_the_snapshot_comes_as_it_was_sent() -> None:
    """Byte for byte, with what its headers say."""
    app = App()
    found = await origin_of(app).fetch(None)
    assert found.body == BODY
    assert found.event == event_of(SNAPSHOT)
    assert app.asked[0].url.path == "/snapshot"
    assert "if-none-match" not in app.asked[0].headers


async def test_what_is_held_is_not_sent_again() -> None:
    """An unchanged snapshot costs headers only; another store's revision is no such."""
    app = App()
    found = await origin_of(app).fetch(SNAPSHOT.position)
    assert found.body is None
    assert found.event == event_of(SNAPSHOT)
    other = a_snapshot(revision=5, store_id=OTHER_STORE_ID)
    assert (await origin_of(app).fetch(other.position)).body == BODY


async def test_a_compressed_answer_is_read() -> None:
    """What a proxy compresses is what was sent."""
    answer = Response(gzip.compress(BODY), headers={**HEADERS, "content-encoding": "gzip"})
    assert (await origin_of(App(answer)).fetch(None)).body == BODY


@pytest.mark.parametrize(
    "answer",
    [
        Response(BODY, 500, HEADERS),
        Response(BODY, 503, HEADERS),
        Response(BODY, 404, HEADERS),
        Response(BODY, 401, HEADERS),
        Response(b"", 204, HEADERS),
        Response(BODY, 206, HEADERS),
        RedirectResponse("http://elsewhere/snapshot", headers=HEADERS),
        Response("<html>Please log in</html>", media_type="text/html"),
        Response(BODY),
        Response(status_code=304),
        Response(BODY, headers={**HEADERS, "x-revision": "five"}),
        Response(BODY, headers={**HEADERS, "x-log-age": "-1"}),
        Response(BODY, headers={**HEADERS, "x-log-age": "inf"}),
        Response(BODY, headers={k: v for k, v in HEADERS.items() if k != "x-head"}),
        Response(b"no gzip", headers={**HEADERS, "content-encoding": "gzip"}),
    ],
)
async def test_anything_else_is_no_answer(answer: Response) -> None:
    """An error, a redirect, a login page, missing or odd headers: the origin is unavailable."""
    app = App(answer)
    with pytest.raises(OriginUnavailable):
        await origin_of(app).fetch(SNAPSHOT.position)
    assert len(app.asked) == 1


@pytest.mark.parametrize("compressed", [True, False])
async def test_an_endless_answer_is_cut_off(*, compressed: bool) -> None:
    """Not more than the limit and one piece of it are ever held."""
    sent = 0
    piece = b" " * 1_048_576
    compressor = zlib.compressobj(wbits=31)

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100:
            sent += 1
            yield (
                compressor.compress(piece) + compressor.flush(zlib.Z_SYNC_FLUSH)
                if compressed
                else piece
            )

    headers = {**HEADERS, "content-encoding": "gzip"} if compressed else HEADERS
    with pytest.raises(OriginUnavailable, match=f"over {MAX_BYTES}"):
        await origin_of(App(StreamingResponse(endless(), headers=headers))).fetch(None)


async def test_half_a_json_is_for_the_reader_to_refuse() -> None:
    """The bytes are given on as they came; what they mean is judged elsewhere."""
    found = await origin_of(App(Response(BODY[:-9], headers=HEADERS))).fetch(None)
    assert found.body == BODY[:-9]


async def test_nobody_there() -> None:
    """A port where nobody listens is an origin that is unavailable."""
    url = HttpUrl(f"http://127.0.0.1:{servers.free_port()}")
    async with open_http_origin(url) as origin:
        with pytest.raises(OriginUnavailable, match="ConnectError"):
            await origin.fetch(None)
