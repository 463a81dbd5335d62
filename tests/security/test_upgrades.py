"""Offered upgrades: both services ignore them and read the request as if none were offered."""

import json
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from testbed.fakes import InMemoryProfiles
from tests.apps import ProfileParts, a_campaign_app, a_profile_app, until_ready
from tests.security.served import connected, served

PROTOCOLS = ["httptools", "h11"]

# Java's HttpClient and `curl --http2` send the first with their first request.
OFFERS = {
    "h2c": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    "h2c by its old header": "Proxy-Connection: Upgrade\r\nUpgrade: h2c\r\n",
    "WebSocket": "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "TLS": "Connection: upgrade\r\nUpgrade: TLS/1.0\r\n",
    "two": "Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n",
}

CAMPAIGN = json.dumps(
    {
        "game": "mygame",
        "name": "spring",
        "priority": 1,
        "matchers": {},
        "start_date": "2022-01-25T00:00:00Z",
        "end_date": "2099-01-25T00:00:00Z",
        "enabled": True,
    }
).encode()
PROFILES = b'{"player_id": "ada"}\n{"player_id": "bob"}\n'
PROFILE = b'{"player_id": "ada", "level": 7}'
SMUGGLED = b"DELETE /profiles/eve HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer admin-token\r\n\r\n"


def a_request(start: str, *, offer: str = "", body: bytes = b"", chunked: bool = False) -> bytes:
    """Return a request of an admin that offers an upgrade, with its body."""
    framing, content = f"Content-Length: {len(body)}\r\n", body
    if chunked:
        framing = "Transfer-Encoding: chunked\r\n"
        content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = f"{start} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer admin-token\r\n{offer}{framing}"
    return head.encode() + b"\r\n" + content


def segments_of(request: bytes, cut: str) -> list[bytes]:
    """Cut a request as a network may: nowhere, before its body, or after every few bytes."""
    head, _, body = request.partition(b"\r\n\r\n")
    if cut == "whole":
        return [request]
    if cut == "before the body":
        return [head + b"\r\n\r\n", body]
    return [request[start : start + 61] for start in range(0, len(request), 61)]


@pytest.fixture(params=PROTOCOLS)
async def campaigns(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    """The port of a campaign service that is ready."""
    async with served(a_campaign_app(), protocol=request.param) as port:
        await ready(port)
        yield port


@pytest.fixture
def stored() -> InMemoryProfiles:
    """The profiles of the profile service."""
    return InMemoryProfiles()


@pytest.fixture(params=PROTOCOLS)
async def profiles(request: pytest.FixtureRequest, stored: InMemoryProfiles) -> AsyncIterator[int]:
    """The port of a profile service that holds no campaigns."""
    app = a_profile_app(ProfileParts(profiles=stored))
    async with served(app, protocol=request.param) as port:
        yield port


async def ready(port: int) -> None:
    """Wait until a service answers that it is ready."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await until_ready(client)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("cut", ["whole", "before the body", "anywhere"])
@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
async def test_a_campaign_beside_an_offer_is_written(
    campaigns: int, offer: str, cut: str, *, chunked: bool
) -> None:
    """The body is read however it is framed and cut, and the connection stays usable."""
    put = a_request("PUT /campaigns/spring", offer=offer, body=CAMPAIGN, chunked=chunked)
    async with connected(campaigns) as connection:
        await connection.send(*segments_of(put, cut))
        status, _, body = await connection.answer()
        assert (status, json.loads(body)["name"]) == (201, "spring")
        await connection.send(a_request("GET /campaigns/spring"))
        assert (await connection.answer())[0] == 200


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
async def test_an_import_beside_an_offer_is_written(
    profiles: int, stored: InMemoryProfiles, offer: str, *, chunked: bool
) -> None:
    """No import answers with success without having stored what was sent."""
    post = a_request("POST /profiles/import", offer=offer, body=PROFILES, chunked=chunked)
    async with connected(profiles) as connection:
        await connection.send(*segments_of(post, "before the body"))
        status, _, body = await connection.answer()
    assert (status, json.loads(body)["created"]) == (200, 2)
    assert set(stored.documents) == {"ada", "bob"}


@pytest.mark.parametrize("cut", ["whole", "before the body", "anywhere"])
@pytest.mark.parametrize("start", ["PUT /profiles/ada", "GET /get_client_config/ada"])
async def test_a_body_is_never_run_as_a_request(
    profiles: int, stored: InMemoryProfiles, start: str, cut: str
) -> None:
    """A request that stands in the body of another one is not answered."""
    stored.documents["eve"] = {"player_id": "eve"}
    request = a_request(start, offer=OFFERS["h2c"], body=SMUGGLED)
    async with connected(profiles) as connection:
        await connection.send(*segments_of(request, cut))
        await connection.send(a_request("GET /health/live", offer="Connection: close\r\n"))
        first, _, _ = await connection.answer()
        second, _, body = await connection.answer()
        assert (first, second) == (422 if start.startswith("PUT") else 503, 200)
        assert json.loads(body) == {"status": "ok"}
        assert await connection.rest() == b""
    assert "eve" in stored.documents


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
async def test_requests_in_a_row_are_each_answered(profiles: int, offer: str) -> None:
    """A pipelined request behind an offer is answered in its turn."""
    get = a_request("GET /health/live", offer=offer)
    last = a_request("GET /health/live", offer="Connection: close\r\n")
    async with connected(profiles) as connection:
        await connection.send(get + get + last)
        assert [(await connection.answer())[0] for _ in range(3)] == [200, 200, 200]
        assert await connection.rest() == b""


async def test_an_offer_with_a_connection_to_close_is_one_answer(profiles: int) -> None:
    """`Connection: close` beside the offer holds: one answer, and the connection is closed."""
    offer = "Connection: close, Upgrade\r\nUpgrade: h2c\r\n"
    put = a_request("PUT /profiles/ada", offer=offer, body=PROFILE)
    async with connected(profiles) as connection:
        await connection.send(put + SMUGGLED)
        assert (await connection.answer())[0] == 201
        assert await connection.rest() == b""


@pytest.mark.parametrize("offer", ["", OFFERS["h2c"]], ids=["no offer", "h2c"])
@pytest.mark.parametrize(
    ("start", "body"), [("PUT /profiles/ada", PROFILE), ("POST /profiles/import", PROFILES)]
)
async def test_a_short_body_is_refused(profiles: int, start: str, body: bytes, offer: str) -> None:
    """A body that ends before its Content-Length is a 400, and the connection is closed."""
    request = a_request(start, offer=offer, body=body + b" " * 100)
    async with connected(profiles) as connection:
        await connection.send(request[:-100])
        connection.end()
        status, headers, answer = await connection.answer()
        assert status == 400
        assert headers["connection"] == "close"
        assert json.loads(answer)["detail"] == "the body ended before its Content-Length"
        assert await connection.rest() == b""


async def test_a_tunnel_is_refused(profiles: int, stored: InMemoryProfiles) -> None:
    """CONNECT opens no way around the routes: one refusal, and nothing behind it is run."""
    stored.documents["eve"] = {"player_id": "eve"}
    for target in ("example.com:443", "/profiles/eve"):
        async with connected(profiles) as connection:
            await connection.send(a_request(f"CONNECT {target}", body=SMUGGLED))
            status, _, _ = await connection.answer()
            assert 400 <= status < 500
            connection.end()
            assert b"HTTP/1.1 204" not in await connection.rest()
    assert "eve" in stored.documents


async def test_an_offer_leaves_no_line_in_the_log(
    profiles: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Clients that offer an upgrade with every request do not fill the log."""
    async with connected(profiles) as connection:
        with caplog.at_level(logging.INFO, "uvicorn.error"):
            for offer in OFFERS.values():
                await connection.send(a_request("GET /health/live", offer=offer))
                assert (await connection.answer())[0] == 200
    assert [record for record in caplog.records if record.name.startswith("uvicorn.e")] == []
