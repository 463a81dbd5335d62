"""HTTP as both services speak it."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Query, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from foundation.bodies import read_body
from foundation.error_answers import ErrorAnswer, InvalidAnswer, error_answers
from foundation.error_handlers import answer_errors
from foundation.errors import Invalid, Unavailable
from foundation.etags import etag_of, is_unchanged
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
        }[kind]

    @app.get("/etag")
    async def etag(request: Request) -> Response:
        return Response(status_code=304 if is_unchanged(request.scope["headers"], ETAG) else 200)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def pieces(size: int, count: int) -> AsyncIterator[bytes]:
    """Give a body without a length."""
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
    with pytest.raises(HTTPException) as given_up:
        await read_body(request, limit=LIMIT, what="a campaign")
    assert given_up.value.status_code == 408
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
