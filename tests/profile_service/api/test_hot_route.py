"""The hot route against an ordinary one: it goes around dependencies, not around their rules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import APIRouter, FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profile_service.api.client_config import get_client_config
from testbed.builders import a_profile, a_published_campaign, a_snapshot
from testbed.fakes import FakeOrigin, InMemoryProfiles
from tests.apps import ProfileParts, a_profile_app
from tests.simulated_time import settle
from tests.strategies import keys

HOT = "/get_client_config/"
ORDINARY = "/ordinary/"
STORED = (
    "one",
    "Zo\u00eb",
    "50 %",
    "a.b",
    "...",
    "\u590f\u796d\u308a",
    "a+b",
    "x" * 128,
    "%2F",
    "/",
)


@asynccontextmanager
async def serving_both(**options: object) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the service, with the same function on an ordinary route too."""
    parts = ProfileParts(
        profiles=InMemoryProfiles(*map(a_profile, STORED)),
        origin=FakeOrigin(a_snapshot([a_published_campaign()])),
    )
    app: FastAPI = a_profile_app(parts, **options)
    ordinary = APIRouter()
    ordinary.get(ORDINARY + "{player_id:key}")(get_client_config)
    app.include_router(ordinary)
    async with LifespanManager(app) as manager:
        transport = httpx.ASGITransport(manager.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            await settle()
            yield client


async def both_answer(
    client: httpx.AsyncClient, rest: str, **headers: str
) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return the answer of both routes to the same rest of the path, which must be one."""
    answers = [await client.get(path + rest, headers=headers) for path in (HOT, ORDINARY)]
    hot, by_fastapi = (
        (answer.status_code, answer.content, sorted(answer.headers.items())) for answer in answers
    )
    assert hot == by_fastapi
    return hot


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of both routes."""
    async with serving_both() as client:
        yield client


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        ("one", 200),
        ("o%6ee", 200),
        ("%6F%6E%65", 200),
        ("Zo%C3%AB", 200),
        ("Zoe%CC%88", 200),
        ("50%20%25", 200),
        ("a.b", 200),
        ("...", 200),
        ("a+b", 200),
        ("one?player_id=two", 200),
        ("one?", 200),
        ("x" * 128, 200),
        ("%E5%A4%8F%E7%A5%AD%E3%82%8A", 200),
        ("%252F", 200),
        ("nobody", 404),
        ("One", 404),
        ("a%20b", 404),
        ("%7B%22$gt%22:%20%22%22%7D", 404),
        ("", 404),
        ("/", 422),
        ("one/two", 422),
        ("one%2Ftwo", 422),
        ("%2F", 422),
        ("one%23", 404),
        ("%2E", 422),
        ("%2E%2E", 422),
        ("x" * 129, 422),
        ("%CC%88" * 129, 422),
        ("a" * 5000, 422),
        ("%20one", 422),
        ("one%20", 422),
        ("%5C", 422),
        ("%00", 422),
        ("one%0A", 422),
        ("%E2%80%8B", 422),
        ("%FF", 422),
        ("%ED%A0%80", 422),
    ],
)
async def test_an_id_means_the_same(client: httpx.AsyncClient, rest: str, status: int) -> None:
    """Encoded, composed, too long or no id at all: the answer is that of an ordinary route."""
    assert (await both_answer(client, rest))[0] == status


# The examples share a service, which they do not change.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(st.sampled_from(STORED), keys(), st.text(max_size=140)), st.sampled_from(("", "/"))
)
async def test_any_id_means_the_same(client: httpx.AsyncClient, text: str, safe: str) -> None:
    """Whatever stands in the path."""
    await both_answer(client, quote(text, safe=safe, errors="replace"))


async def test_an_unchanged_answer_is_the_same(client: httpx.AsyncClient) -> None:
    """By its ETag, too."""
    etag = (await client.get(HOT + "one")).headers["etag"]
    assert (await both_answer(client, "one", **{"If-None-Match": etag}))[:2] == (304, b"")
    assert (await both_answer(client, "one", **{"If-None-Match": '"another"'}))[0] == 200


async def test_other_methods_are_refused_alike(client: httpx.AsyncClient) -> None:
    """The hot route reads, as it is declared."""
    answers = [await client.post(path + "one") for path in (HOT, ORDINARY)]
    assert [(each.status_code, each.headers["allow"]) for each in answers] == [(405, "GET")] * 2


async def test_a_client_needs_its_token_on_both() -> None:
    """Where CLIENT_TOKEN is set."""
    async with serving_both(client_token="a-client") as client:
        assert (await both_answer(client, "one"))[0] == 401
        assert (await both_answer(client, "one", authorization="Bearer other"))[0] == 401
        assert (await both_answer(client, "one", authorization="Bearer a-client"))[0] == 200


async def test_docs_show_what_is_declared(client: httpx.AsyncClient) -> None:
    """Parameters and answers stand in OpenAPI as on an ordinary route."""
    paths = (await client.get("/openapi.json")).json()["paths"]
    hot, ordinary = (paths[path + "{player_id}"]["get"] for path in (HOT, ORDINARY))
    assert hot["parameters"] == ordinary["parameters"]
    assert {"200", "401", "404", "422", "503"} <= hot["responses"].keys()
