"""PUT, GET, DELETE /profiles/{player_id}/overrides."""

from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from testbed.builders import NOW, PLAYER_ID, a_profile
from tests.apps import ADMIN, ProfileParts, a_profile_app, serving

PATH = f"/profiles/{PLAYER_ID}/overrides"


async def put(client: httpx.AsyncClient, path: str, **sent: Any) -> httpx.Response:
    """Set an override as the admin."""
    return await client.put(path, content=orjson.dumps(sent), headers=ADMIN)


async def test_an_override_is_set_read_and_removed(client: httpx.AsyncClient) -> None:
    """200 with what is stored, then 204, then 404."""
    answer = await put(client, f"{PATH}/any", state="on", until="2022-02-20T00:00:00Z")
    assert answer.status_code == 200
    assert answer.json() == {
        "campaign": "any",
        "state": "on",
        "until": "2022-02-20T00:00:00Z",
        "actor": "admin",
        "set_at": NOW.isoformat().replace("+00:00", "Z"),
    }
    read = await client.get(PATH, headers=ADMIN)
    assert (read.status_code, read.json()) == (200, {"overrides": [answer.json()]})
    removed = await client.delete(f"{PATH}/any", headers=ADMIN)
    assert (removed.status_code, removed.content) == (204, b"")
    again = await client.delete(f"{PATH}/any", headers=ADMIN)
    assert (again.status_code, again.json()) == (
        404,
        {"detail": "The player has no override of this campaign"},
    )


async def test_the_actor_is_the_name_of_the_token(parts: ProfileParts) -> None:
    """Of the one that was sent, not of another."""
    app = a_profile_app(parts, admin_token="anna:one,bert:two")
    async with serving(app) as client:
        answer = await client.put(
            f"{PATH}/any",
            content=b'{"state": "off"}',
            headers={"Authorization": "Bearer two"},
        )
    assert answer.json()["actor"] == "bert"


async def test_keys_in_the_path_are_normalised(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """A decomposed name is the same campaign; what can be no key is named."""
    await put(client, f"{PATH}/Zoe%CC%88", state="on")
    [only] = parts.profiles.documents[PLAYER_ID]["overrides"]
    assert only["campaign"] == "Zo\u00eb"
    for path, named in ((f"{PATH}/a%2Fb", "campaign"), ("/profiles/%20/overrides/a", "player_id")):
        answer = await put(client, path, state="on")
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["path", named]


@pytest.mark.parametrize("player_id", ["overrides", "lists", "import"])
async def test_players_with_the_names_of_routes(client: httpx.AsyncClient, player_id: str) -> None:
    """They are players like all others."""
    profile = f"/profiles/{player_id}"
    written = await put(client, profile, level=3)
    assert (written.status_code, written.json()["player_id"]) == (201, player_id)
    assert (await put(client, f"{profile}/overrides/overrides", state="on")).status_code == 200
    read = await client.get(f"{profile}/overrides", headers=ADMIN)
    assert [each["campaign"] for each in read.json()["overrides"]] == ["overrides"]
    assert (await client.get(profile, headers=ADMIN)).json()["level"] == 3
    assert (await client.delete(f"{profile}/overrides/overrides", headers=ADMIN)).status_code == 204
    assert (await client.delete(profile, headers=ADMIN)).status_code == 204


async def test_nobody_has_no_overrides(client: httpx.AsyncClient) -> None:
    """404, and no profile is made."""
    for answer in (
        await put(client, "/profiles/nobody/overrides/any", state="on"),
        await client.get("/profiles/nobody/overrides", headers=ADMIN),
        await client.delete("/profiles/nobody/overrides/any", headers=ADMIN),
        await client.get("/profiles/nobody", headers=ADMIN),
    ):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Profile not found"})


async def test_too_many_are_refused(client: httpx.AsyncClient, parts: ProfileParts) -> None:
    """409 says how many a player may have."""
    until = (NOW + timedelta(days=1)).isoformat()
    parts.profiles.documents[PLAYER_ID]["overrides"] = [
        {"campaign": f"{number}", "state": "off", "until": until} for number in range(100)
    ]
    answer = await put(client, f"{PATH}/more", state="on")
    assert answer.status_code == 409
    assert "100 overrides" in answer.json()["detail"]


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "any",
        {"campaign": "any"},
        [None, 7, "any", [], {}],
        [{"campaign": {"a": 1}, "state": "on", "until": "2099-01-01T00:00:00Z"}],
        [{"campaign": "any", "state": ["on"], "until": "2099-01-01T00:00:00Z"}],
        [{"campaign": "any", "state": "on", "until": 7}],
        [{"campaign": "any", "state": "on"}],
    ],
)
async def test_what_others_stored_there_breaks_nothing(
    client: httpx.AsyncClient, parts: ProfileParts, stored: Any
) -> None:
    """What is no override is passed over, and dropped by the next write."""
    parts.profiles.documents[PLAYER_ID]["overrides"] = stored
    assert (await client.get(PATH, headers=ADMIN)).json() == {"overrides": []}
    assert (await client.delete(f"{PATH}/any", headers=ADMIN)).status_code == 404
    assert (await put(client, f"{PATH}/any", state="on")).status_code == 200
    [only] = parts.profiles.documents[PLAYER_ID]["overrides"]
    assert only["campaign"] == "any"


async def test_a_date_of_bson_is_a_date(client: httpx.AsyncClient, parts: ProfileParts) -> None:
    """An override that another program stored holds until its date, and is kept with all it has."""
    theirs = {"campaign": "x", "state": "off", "until": NOW + timedelta(days=1), "note": 1}
    parts.profiles.documents[PLAYER_ID]["overrides"] = [theirs]
    await put(client, f"{PATH}/any", state="on")
    assert parts.profiles.documents[PLAYER_ID]["overrides"][0] == theirs
    assert len((await client.get(PATH, headers=ADMIN)).json()["overrides"]) == 2


async def test_a_body_over_the_limit_is_refused(client: httpx.AsyncClient) -> None:
    """413 names the limit."""
    answer = await put(client, f"{PATH}/any", state="on", variant="x" * 20_000)
    assert answer.status_code == 413
    assert "16384" in answer.json()["detail"]


async def test_profiles_that_are_away(client: httpx.AsyncClient, parts: ProfileParts) -> None:
    """503 with Retry-After."""
    parts.profiles.unavailable = True
    answer = await put(client, f"{PATH}/any", state="on")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_an_override_shows_in_the_players_answer(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """The campaign that the player is in is gone from the answer, and comes back."""
    parts.profiles.documents[PLAYER_ID] = a_profile()
    config = f"/get_client_config/{PLAYER_ID}"
    [campaign] = (await client.get(config)).json()["active_campaigns"]
    await put(client, f"{PATH}/{campaign}", state="off")
    answer = (await client.get(config)).json()
    assert (answer["active_campaigns"], "overrides" in answer) == ([], False)
    await client.delete(f"{PATH}/{campaign}", headers=ADMIN)
    assert (await client.get(config)).json()["active_campaigns"] == [campaign]
