"""HTTP as both services speak it."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Query, Request, Response
from starlette.requests import ClientDisconnect

from foundation.bodies import read_body
from foundation.error_answers import ErrorAnswer, InvalidAnswer, error_answers
from foundation.error_handlers import answer_errors
from foundation.errors import BodyTimeout, Invalid, Unavailable
from foundation.etags import etag_of, is_unchanged
from foundation.head_requests import answer_head
from tests.simulated_time import simulated

LIMIT = 1000
ETAG = 'W/"store-7"'


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that reads bodies, fails, and knows ETags."""
    app = FastAPI()
    answer_errors(app)

    @app.post("/body")
    async def body(request: Request) -> int:
        return len(await read_body(request, limit=LIMIT, what="a campaign"))

    @app.get("/typed")
    async def typed(number: int, id: Annotated[UUID | None, Query()] = None) -> str:  # noqa: A002
        return f"{number} {id}"

    @app.get("/error/{kind}")
    async def error(kind: str) -> None:
        raise {
            "invalid": Invalid.at("a", 1, msg="is wrong"),
            "unavailable": Unavailable("away", retry_after=7),
            "disconnect": ClientDisconnect(),
            "unexpected": RuntimeError("hunter2"),
        }[kind]

    @app.get("/etag")
    async def etag(request: Request) -> Response:
        return Response(status_code=304 if is_unchanged(request.scope["headers"], ETAG) else 200)

    answer_head(app)
    # As a server does, which has sent the answer to an exception before it is raised again.
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def pieces(size: int, count: int) -> AsyncIterator[bytes]:
    """Yield a body without a length."""
    for _ in range(count):
        yield b"x" * size


async def test_a_body_up_to_the_limit_is_read(client: httpx.AsyncClient) -> None:
    """With a length and without."""
    assert (await client.post("/body", content=b"x" * LIMIT)).json() == LIMIT
    assert (await client.post("/body", content=pieces(100, 10))).json() == LIMIT
    assert (await client.post("/body")).json() == 0


async def test_a_body_over_the_limit_is_refused_by_its_length(client: httpx.AsyncClient) -> None:
    """413 names what is limited and how far, before a byte is read."""

    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    for length in (str(LIMIT + 1), "9" * 5000):
        answer = await client.post("/body", content=never(), headers={"Content-Length": length})
        assert answer.status_code == 413
        assert answer.json() == {"detail": "a campaign must not be over 1000 bytes"}


@pytest.mark.parametrize("length", [None, "5", "-1", "many", "\u0661"])
async def test_a_body_over_the_limit_is_refused_whatever_its_length_says(
    client: httpx.AsyncClient, length: str | None
) -> None:
    """Without a length, or with one that lies, no more than the limit is held."""
    headers = {} if length is None else {b"Content-Length": length.encode()}
    tracemalloc.start()
    answer = await client.post("/body", content=pieces(600, 100_000), headers=headers)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 413
    assert most < 2**20


@simulated
async def test_a_body_that_stops_coming_is_given_up() -> None:
    """408 after 30 s without a byte; one that comes slowly is read."""
    left = 5

    async def receive() -> dict[str, object]:
        nonlocal left
        left -= 1
        await asyncio.sleep(29.0 if left else 31.0)
        return {"type": "http.request", "body": b"x", "more_body": True}

    request = Request({"type": "http", "headers": []}, receive)
    with pytest.raises(BodyTimeout) as given_up:
        await read_body(request, limit=LIMIT, what="a campaign")
    assert given_up.value.status == 408
    assert left == 0


async def test_a_wrong_parameter_is_named_and_not_repeated(client: httpx.AsyncClient) -> None:
    """422 says where and what, never what was sent."""
    answer = await client.get("/typed", params={"number": "hunter2", "id": "hunter2" * 1000})
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [
        ["query", "number"],
        ["query", "id"],
    ]
    assert all(set(problem) == {"loc", "msg"} for problem in answer.json()["detail"])
    assert "hunter2" not in answer.text


async def test_errors_are_answered_as_they_say(client: httpx.AsyncClient) -> None:
    """Status, detail and headers are the error's own."""
    invalid = await client.get("/error/invalid")
    assert (invalid.status_code, invalid.json()) == (
        422,
        {"detail": [{"loc": ["a", 1], "msg": "is wrong"}]},
    )
    unavailable = await client.get("/error/unavailable")
    assert (unavailable.status_code, unavailable.json()) == (503, {"detail": "away"})
    assert unavailable.headers["retry-after"] == "7"
    assert (await client.get("/error/disconnect")).status_code == 400


async def test_an_unexpected_exception_is_a_500_without_its_text(client: httpx.AsyncClient) -> None:
    """JSON as every other error, and nothing of what was raised."""
    answer = await client.get("/error/unexpected")
    assert (answer.status_code, answer.json()) == (500, {"detail": "internal error"})


async def test_a_short_body_is_refused(client: httpx.AsyncClient) -> None:
    """What a server passes on of a body that it lost in part is no success."""
    answer = await client.post("/body", content=pieces(10, 2), headers={"Content-Length": "21"})
    assert (answer.status_code, answer.headers["connection"]) == (400, "close")
    assert answer.json() == {"detail": "the body ended before its Content-Length"}


@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, identity", "Deflate"])
async def test_a_compressed_body_is_refused(client: httpx.AsyncClient, encoding: str) -> None:
    """415 names the header; `identity` is no compression."""
    refused = await client.post("/body", content=b"x", headers={"Content-Encoding": encoding})
    assert refused.status_code == 415
    assert "Content-Encoding must be identity" in refused.json()["detail"]
    read = await client.post("/body", content=b"x", headers={"Content-Encoding": "Identity"})
    assert read.status_code == 200


@pytest.mark.parametrize("path", ["/typed?number=7", "/typed?number=x", "/etag", "/none", "/body"])
async def test_head_is_get_without_the_body(client: httpx.AsyncClient, path: str) -> None:
    """Status and headers are those of GET, Content-Length with them."""
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.headers) == (got.status_code, got.headers)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "is required"),
        ({"number": "x"}, "must be a whole number"),
        ({"number": "1", "id": "hunter2"}, "must be a UUID"),
    ],
)
async def test_parameters_are_refused_in_the_words_of_bodies(
    client: httpx.AsyncClient, query: dict[str, str], message: str
) -> None:
    """One voice, whether FastAPI or this project finds what is wrong."""
    assert (await client.get("/typed", params=query)).json()["detail"][0]["msg"] == message


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 200),
        ("", 200),
        ('"store-6"', 200),
        ('W/"store-7"', 304),
        ('"store-7"', 304),
        ('"a", W/"store-7" ,"b"', 304),
        ("*", 304),
        ("store-7", 200),
    ],
)
async def test_what_the_client_holds_is_compared_weakly(
    client: httpx.AsyncClient, header: str | None, status: int
) -> None:
    """If-None-Match is read as RFC 9110 says."""
    headers = {} if header is None else {"If-None-Match": header}
    assert (await client.get("/etag", headers=headers)).status_code == status


def test_an_etag_is_of_the_bytes() -> None:
    """Equal answers have equal ETags, others have others, and all are quoted."""
    assert etag_of(b"a") == etag_of(b"a") != etag_of(b"b")
    assert etag_of(b"a").startswith('"')
    assert etag_of(b"a").endswith('"')


def test_every_documented_error_has_its_shape() -> None:
    """422 lists problems, all others are one sentence."""
    answers = error_answers(401, 403, 404, 408, 412, 413, 422, 503)
    assert answers[422]["model"] is InvalidAnswer
    assert all(answers[status]["model"] is ErrorAnswer for status in answers if status != 422)
    assert all(answer["description"] for answer in answers.values())
