"""POST, GET, DELETE /profiles/lists/{list}."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from testbed.builders import PLAYER_ID, a_profile
from tests.apps import ADMIN, ProfileParts, a_profile_app, serving
from tests.simulated_time import SimulatedClock, simulated

PATH = "/profiles/lists/vip"


async def post(
    client: httpx.AsyncClient, body: bytes, path: str = PATH, *, kind: str = "application/x-ndjson"
) -> httpx.Response:
    """Change a list as the admin."""
    return await client.post(path, content=body, headers={**ADMIN, "Content-Type": kind})


async def test_a_list_is_changed_counted_and_emptied(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """The answer counts the lines, and names who is unknown."""
    parts.profiles.documents["b"] = a_profile("b")
    answer = await post(client, orjson.dumps(PLAYER_ID) + b'\n"x"\n7\n')
    assert answer.status_code == 200
    errors = answer.json().pop("errors")
    assert [error["line"] for error in errors] == [3]
    assert {**answer.json(), "errors": []} == {
        "received": 3,
        "added": 1,
        "removed": 0,
        "unchanged": 0,
        "unknown": 1,
        "unknown_ids": ["x"],
        "failed": 1,
        "errors": [],
    }
    assert (await client.get(PATH, headers=ADMIN)).json() == {"list": "vip", "players": 1}
    replaced = await post(client, b"player_id\nb\n", f"{PATH}?mode=replace", kind="text/csv; x=y")
    assert (replaced.json()["added"], replaced.json()["removed"]) == (1, 1)
    removed = await post(client, b'"b"', f"{PATH}?mode=remove")
    assert removed.json()["removed"] == 1
    await post(client, b'"b"', f"{PATH}?mode=add")
    emptied = await client.delete(PATH, headers=ADMIN)
    assert (emptied.status_code, emptied.json()) == (200, {"list": "vip", "removed": 1})
    assert (await client.get(PATH, headers=ADMIN)).json() == {"list": "vip", "players": 0}
    assert parts.profiles.documents["b"] == a_profile("b")


async def test_the_lists_are_shown_to_operators_only(client: httpx.AsyncClient) -> None:
    """In the stored profile, not in the player's answer; and the profile's ETag stays."""
    profile = f"/profiles/{PLAYER_ID}"
    etag = (await client.get(profile, headers=ADMIN)).headers["etag"]
    await post(client, orjson.dumps(PLAYER_ID))
    read = await client.get(profile, headers=ADMIN)
    assert (read.json()["lists"], read.headers["etag"]) == (["vip"], etag)
    assert "lists" not in (await client.get(f"/get_client_config/{PLAYER_ID}")).json()


@pytest.mark.parametrize(
    ("path", "loc"),
    [
        ("/profiles/lists/a%2Fb", ["path", "list"]),
        ("/profiles/lists/%20", ["path", "list"]),
        ("/profiles/lists/overrides", ["path", "list"]),
        (f"{PATH}?mode=set", ["query", "mode"]),
    ],
)
async def test_what_is_wrong_with_a_request_is_named(
    client: httpx.AsyncClient, parts: ProfileParts, path: str, loc: list[Any]
) -> None:
    """422, before a line is read."""
    answer = await post(client, orjson.dumps(PLAYER_ID), path)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == loc
    assert "lists" not in parts.profiles.documents[PLAYER_ID]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", PATH),
        ("PATCH", PATH),
        ("GET", f"/profiles/{PLAYER_ID}/overrides/any"),
        ("PUT", f"/profiles/{PLAYER_ID}/overrides"),
        ("DELETE", f"/profiles/{PLAYER_ID}/overrides"),
    ],
)
async def test_what_is_below_a_profile_is_no_profile(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    """A method that a list or an override does not have is a 405."""
    answer = await client.request(method, path, content=b"{}", headers=ADMIN)
    assert answer.status_code == 405
    assert answer.headers["allow"]


async def test_a_player_called_lists(client: httpx.AsyncClient) -> None:
    """Is a player like all others, and may be in a list of that name."""
    profile = "/profiles/lists"
    assert (await client.put(profile, content=b"{}", headers=ADMIN)).status_code == 201
    assert (await post(client, b'"lists"', "/profiles/lists/lists")).json()["added"] == 1
    assert (await client.get(profile, headers=ADMIN)).json()["lists"] == ["lists"]
    assert (await client.delete(profile, headers=ADMIN)).status_code == 204
    assert (await client.get(profile, headers=ADMIN)).status_code == 404


async def test_a_change_that_breaks_off_answers_how_far_it_came(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """503 with Retry-After and the counts."""
    parts.profiles.unavailable = True
    answer = await post(client, b'7\n"x"\n')
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert answer.json()["detail"] == "profiles cannot be written now"
    assert (answer.json()["failed"], answer.json()["reached"]) == (1, 1)
    for method, cannot in (
        ("GET", "the players cannot be counted"),
        ("DELETE", "cannot be written"),
    ):
        away = await client.request(method, PATH, headers=ADMIN)
        assert away.status_code == 503
        assert cannot in away.json()["detail"]


async def test_a_replacement_that_names_nobody(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """409 says so, with the counts, and the list stays."""
    parts.profiles.documents[PLAYER_ID]["lists"] = ["vip"]
    answer = await post(client, b'"x"\n', f"{PATH}?mode=replace")
    assert answer.status_code == 409
    assert "no stored player is named" in answer.json()["detail"]
    assert answer.json()["unknown_ids"] == ["x"]
    assert parts.profiles.documents[PLAYER_ID]["lists"] == ["vip"]


@simulated
async def test_a_body_that_stops_coming() -> None:
    """408 after 30 s with the line that was reached."""
    parts = ProfileParts(clock=SimulatedClock())

    async def stopping() -> AsyncIterator[bytes]:
        yield b'"a"\n"b"\n'
        await asyncio.sleep(3600)

    async with serving(a_profile_app(parts)) as client:
        async with asyncio.timeout(31):
            answer = await client.post(PATH, content=stopping(), headers=ADMIN)
    assert answer.status_code == 408
    assert (answer.json()["unknown"], answer.json()["reached"]) == (2, 2)
