"""What is meant to break a service is refused, and costs it nothing."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.command_line.stacks import Stack, a_stack

LIMIT = 60.0
MEGABYTE = 1024 * 1024
REFUSED = {400, 401, 404, 405, 408, 409, 411, 412, 413, 415, 422}
DEEP = 10_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Both services in one process: its memory is that of both."""
    folder = tmp_path_factory.mktemp("stack")
    with a_stack(folder) as stack:
        yield stack
        # Whatever came, nothing failed inside: an unexpected exception is logged.
        assert (folder / "output.txt").read_text() == stack.printed


@pytest.fixture(scope="module")
def campaigns(stack: Stack) -> Iterator[httpx.Client]:
    """The campaign service, as its operator."""
    with _client(stack.campaigns_url, stack.token) as client:
        yield client


@pytest.fixture(scope="module")
def profiles(stack: Stack) -> Iterator[httpx.Client]:
    """The profile service, as its operator."""
    with _client(stack.profiles_url, stack.token) as client:
        yield client


def _client(url: str, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, headers=headers, timeout=LIMIT, trust_env=False)


def nested(opening: str, closing: str) -> bytes:
    """Return a value that is nested very deeply."""
    return (opening * DEEP + "1" + closing * DEEP).encode()


LONG_FRACTION = b"0." + b"1" * 1000
HOSTILE: dict[str, bytes] = {
    "operator": b'{"$gt": ""}',
    "lists": nested("[", "]"),
    "objects": nested('{"_a":', "}"),
    "1,000 digits": b"1" * 1000,
    "1e400": b"1e400",
    "-1e400": b"-1e400",
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "lone surrogate": b'"\\ud800"',
    "no UTF-8": b'"\xff\xfe"',
    "null": b"null",
    "a list": b"[]",
}
# Where the value may stand; a field beside it is wrong where it alone would be right.
CAMPAIGNS = (
    b"%b",
    b'{"game": "g", "name": %b}',
    b'{"name": "x", "game": %b}',
    b'{"name": "x", "game": "g", "enabled": "x", "priority": %b}',
    b'{"name": "x", "game": "g", "matchers": {"level": {"min": %b, "max": "x"}}}',
    b'{"name": "x", "game": "g", "matchers": {"has": {"items": %b}}}',
)
SEGMENTS = (
    b"%b",
    b'{"name": "x", "matchers": %b}',
    b'{"name": "x", "matchers": {"level": "x", "segment": {"any": %b}}}',
    b'{"name": "x", "matchers": {"level": "x", "any": [%b]}}',
    b'{"name": "x", "matchers": {"level": "x", "where": {"a": {"in": %b}}}}',
)
PROFILES = (
    b"%b",
    b'{"player_id": %b}',
    b'{"xp": "x", "level": %b}',
    b'{"xp": "x", "inventory": {"item": %b}}',
    b'{"xp": "x", "_custom": %b}',
    b'{"xp": "x", "clan": {"id": %b}}',
)
PLAYERS = (
    '{"$gt": ""}',
    "[$ne]",
    "$where",
    "../admin",
    "a\0b",
    "a\nb",
    "%",
    "\ud800",
    "x" * 10_000,
    "'; DROP TABLE profiles; --",
)
HEADERS = (b'"' * 5000, b"*," * 2000, b"\xff\xfe", b"W/")


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("body", CAMPAIGNS)
def test_no_campaign_is_made_of_it(campaigns: httpx.Client, body: bytes, value: bytes) -> None:
    """Whole or in any field, by PUT, PATCH and import: 4xx, and the input is not repeated."""
    sent = body % value
    for method, path, content in (
        ("PUT", "/campaigns/x", sent),
        ("POST", "/campaigns/import", b"[%b]" % sent),
    ):
        answer = campaigns.request(method, path, content=content)
        assert answer.status_code in REFUSED, answer.text
        assert len(answer.content) < 2000
    assert campaigns.get("/campaigns/x").status_code == 404


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("body", SEGMENTS)
def test_no_segment_is_made_of_it(campaigns: httpx.Client, body: bytes, value: bytes) -> None:
    """Whole or in its matchers, by PUT and import: 4xx, and the input is not repeated."""
    sent = body % value
    for method, path, content in (
        ("PUT", "/segments/x", sent),
        ("POST", "/segments/import", b"[%b]" % sent),
    ):
        answer = campaigns.request(method, path, content=content)
        assert answer.status_code in REFUSED, answer.text
        assert len(answer.content) < 2000
    assert campaigns.get("/segments/x").status_code == 404


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("body", CAMPAIGNS)
def test_a_validation_finds_it(campaigns: httpx.Client, body: bytes, value: bytes) -> None:
    """Whole or in any field: it is no valid campaign, and the input is not repeated."""
    for content in (body % value, b"[%b]" % (body % value)):
        answer = campaigns.post("/campaigns/validate", content=content)
        if answer.status_code not in REFUSED:
            assert answer.status_code == 200
            assert not answer.json()["valid"] or content == b"[]"
        assert len(answer.content) < 2000


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("body", PROFILES)
def test_no_profile_is_made_of_it(profiles: httpx.Client, body: bytes, value: bytes) -> None:
    """Whole or in any field, by PUT and as a line: refused, and the input is not repeated."""
    sent = body % value
    answer = profiles.put("/profiles/hostile", content=sent)
    assert answer.status_code in REFUSED, answer.text
    assert len(answer.content) < 2000
    report = profiles.post("/profiles/import", content=sent).json()
    assert (report["received"], report["failed"]) == (1, 1)
    assert profiles.get("/profiles/hostile").status_code == 404


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("body", [b"%b", b'{"matchers": {"level": %b}}', b'{"campaign": %b}'])
def test_nothing_is_counted_by_it(profiles: httpx.Client, body: bytes, value: bytes) -> None:
    """Whole or in any field of a preview: refused, and the input is not repeated."""
    answer = profiles.post("/preview", content=body % value)
    # Null is the same as absent.
    assert answer.status_code in REFUSED | ({200} if value == b"null" else set()), answer.text
    assert len(answer.content) < 2000


@pytest.mark.parametrize("key", ["$gt", "$where", "a.b", ".", "a\0b", "", "$"])
@pytest.mark.parametrize(
    "profile", ["{%s: 1}", '{"inventory": {%s: 1}}', '{"_custom": [{%s: 1}]}', '{"clan": {%s: 1}}']
)
def test_no_key_reaches_the_store_as_an_operator(
    profiles: httpx.Client, profile: str, key: str
) -> None:
    """Keys with `$`, `.` or NUL are refused wherever they stand, and the key is named."""
    answer = profiles.put("/profiles/hostile", content=profile % json.dumps(key))
    assert answer.status_code == 422, answer.text
    assert profiles.get("/profiles/hostile").status_code == 404


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("path", ["/get_client_config/%s", "/profiles/%s"])
def test_no_player_is_found_by_an_operator(profiles: httpx.Client, path: str, player: str) -> None:
    """An id is text: it names one player or none, whatever stands in it."""
    name = quote(player, safe="", errors="surrogatepass")
    assert profiles.get(path % name).status_code in {404, 422}


def test_a_query_is_text(campaigns: httpx.Client) -> None:
    """Operators, lone surrogates and long numbers in a query are refused or match nothing."""
    for query in ("game[$gt]=", "game=%ED%A0%80", "status[$ne]=active", "at=" + "9" * 1000):
        assert campaigns.get(f"/campaigns?{query}").status_code in {200, 422}
    for since in ("9" * 1000, "1e400", "NaN", "-2", "%00"):
        assert campaigns.get(f"/changes?since={since}").status_code == 422
    for header in HEADERS:
        answer = campaigns.get("/snapshot", headers=[(b"If-None-Match", header)])
        assert answer.status_code in {200, 304}


def test_a_long_fraction_is_a_number(profiles: httpx.Client) -> None:
    """A number of 1,000 decimals is stored as the nearest one, once."""
    answer = profiles.put("/profiles/long", content=b'{"_n": %b}' % LONG_FRACTION)
    assert answer.json()["_n"] == pytest.approx(0.111111111)


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize(
    ("service", "method", "path"),
    [
        ("campaigns_url", "PUT", "/campaigns/big"),
        ("campaigns_url", "PATCH", "/campaigns/big"),
        ("campaigns_url", "POST", "/campaigns/import"),
        ("campaigns_url", "POST", "/campaigns/validate"),
        ("campaigns_url", "PUT", "/segments/big"),
        ("campaigns_url", "POST", "/segments/import"),
        ("profiles_url", "PUT", "/profiles/big"),
        ("profiles_url", "POST", "/profiles/import"),
    ],
)
def test_a_body_of_100_mb_is_refused_and_not_held(
    stack: Stack, service: str, method: str, path: str, *, with_length: bool
) -> None:
    """413 (an import of profiles names the line), and memory stays as it was."""
    url = getattr(stack, service)
    before = _resident(stack)
    answer, most = _send_and_watch(stack, url, method, path, with_length=with_length)
    if path == "/profiles/import":
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert b"1048576" in answer
    else:
        assert answer.startswith(b"HTTP/1.1 413 "), answer
        assert b"must not be over" in answer
    # The largest body that is allowed is an import of 16 MiB.
    assert most - before < 40 * MEGABYTE


def test_refusals_leave_no_memory_behind(stack: Stack, campaigns: httpx.Client) -> None:
    """After hundreds of hostile bodies the process is as large as after the first ones."""
    bodies = [*HOSTILE.values(), b"[" + b"{}," * 100_000 + b"{}]"]
    for _ in range(5):
        _send_all(campaigns, bodies)
    before = _resident(stack)
    for _ in range(20):
        _send_all(campaigns, bodies)
    assert _resident(stack) - before < 16 * MEGABYTE


def _send_all(campaigns: httpx.Client, bodies: list[bytes]) -> None:
    for body in bodies:
        assert campaigns.post("/campaigns/import", content=body).status_code in REFUSED | {200}


def _send_and_watch(
    stack: Stack, url: str, method: str, path: str, *, with_length: bool
) -> tuple[bytes, int]:
    """Send 100 MB and give the answer and the most memory seen meanwhile."""
    host, _, port = url.removeprefix("http://").partition(":")
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stack.token}\r\n"
    piece = b"x" * MEGABYTE
    if with_length:
        head += f"Content-Length: {100 * MEGABYTE}\r\n\r\n"
    else:
        head += "Transfer-Encoding: chunked\r\n\r\n"
        piece = b"%x\r\n%b\r\n" % (MEGABYTE, piece)
    most = 0
    with socket.create_connection((host, int(port)), timeout=LIMIT) as connection:
        connection.sendall(head.encode())
        with suppress(OSError):  # refused before all of it was sent, and closed
            for _ in range(100):
                connection.sendall(piece)
                most = max(most, _resident(stack))
            if not with_length:
                connection.sendall(b"0\r\n\r\n")
        return _answer(connection), max(most, _resident(stack))


def _answer(connection: socket.socket) -> bytes:
    """Read an answer of JSON."""
    received = b""
    with suppress(OSError):
        while not received.endswith(b"}") and (piece := connection.recv(65536)):
            received += piece
    return received


def _resident(stack: Stack) -> int:
    """Return the process's memory in bytes."""
    status = Path(f"/proc/{stack.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024
