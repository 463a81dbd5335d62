"""GET /get_client_config/{player_id}, from the request to what is stored."""

import asyncio
from datetime import timedelta

import httpx
import orjson
import pytest

from testbed.builders import (
    NOW,
    PLAYER_ID,
    a_profile,
    a_published_campaign,
    a_snapshot,
    golden,
)
from testbed.fakes import FakeOrigin, InMemoryProfiles
from tests.apps import ProfileParts, a_profile_app, serving
from tests.simulated_time import SimulatedClock, settle, simulated

NO_UTF_8 = ("%FF", "%FE", "%ED%A0%80", "a%C3")
SLASHES = ("a%2Fb", "%2F", "..%2f", "..%2F..%2Fhealth", "a/b", "a/", "%2E%2E/", "a%0A%2Fb")
PATH = f"/get_client_config/{PLAYER_ID}"
CAMPAIGNS = (
    a_published_campaign("low", priority=1),
    a_published_campaign("high", priority=2),
    a_published_campaign("b", priority=1),
    a_published_campaign("not for this level", level=(50, None)),
    a_published_campaign("not yet", start=NOW + timedelta(seconds=60)),
)
IN_ORDER = ["high", "b", "low"]


def simulated_parts(*profiles: dict[str, object]) -> ProfileParts:
    """Return parts whose clock runs with simulated time."""
    return ProfileParts(
        profiles=InMemoryProfiles(*(profiles or (a_profile(active_campaigns=[]),))),
        origin=FakeOrigin(a_snapshot(CAMPAIGNS, revision=5)),
        clock=SimulatedClock(),
    )


@simulated
async def test_the_profile_comes_as_it_is_stored_with_its_campaigns() -> None:
    """Every field untouched and in its place; the highest priority first, equal ones by name."""
    profile = {**golden("profile"), "level": 2}
    async with serving(a_profile_app(simulated_parts(profile))) as client:
        await settle()
        answer = await client.get(f"/get_client_config/{profile['player_id']}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == orjson.dumps({**profile, "active_campaigns": IN_ORDER})


@simulated
async def test_the_headers_tell_what_was_compared() -> None:
    """Which revision, and how old; stale is said only when it is so."""
    parts = simulated_parts()
    async with serving(a_profile_app(parts, campaigns_ttl=30)) as client:
        await settle()
        answer = await client.get(PATH)
        assert answer.headers["x-campaigns-revision"] == "5"
        assert float(answer.headers["x-campaigns-age"]) == pytest.approx(0, abs=0.1)
        assert "x-campaigns-stale" not in answer.headers
        parts.origin.snapshot = None
        await asyncio.sleep(40)
        answer = await client.get(PATH)
        assert answer.status_code == 200
        assert answer.headers["x-campaigns-revision"] == "5"
        assert float(answer.headers["x-campaigns-age"]) == pytest.approx(40, abs=0.1)
        assert answer.headers["x-campaigns-stale"] == "true"


@simulated
async def test_an_unchanged_answer_is_not_sent_again() -> None:
    """With its ETag it is a 304 that shows how old the campaigns are; any change is a 200."""
    parts = simulated_parts()
    async with serving(a_profile_app(parts)) as client:
        await settle()
        first = await client.get(PATH)
        held = {"If-None-Match": f'"other", W/{first.headers["etag"]}'}
        assert first.headers["cache-control"] == "private, no-cache"
        await asyncio.sleep(30)
        again = await client.get(PATH, headers=held)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["x-campaigns-revision"] == "5"
        assert float(again.headers["x-campaigns-age"]) == pytest.approx(30, abs=0.1)
        assert "content-length" not in again.headers
        await asyncio.sleep(31)  # a campaign starts
        later = await client.get(PATH, headers=held)
        assert later.status_code == 200
        assert "not yet" in later.json()["active_campaigns"]
        held = {"If-None-Match": later.headers["etag"]}
        assert (await client.get(PATH, headers=held)).status_code == 304
        parts.profiles.documents[PLAYER_ID]["xp"] = 12345
        changed = await client.get(PATH, headers=held)
        assert (changed.status_code, changed.json()["xp"]) == (200, 12345)


@simulated
async def test_a_campaign_starts_without_any_event() -> None:
    """When its start date passes it is active in the next answer."""
    async with serving(a_profile_app(simulated_parts())) as client:
        await asyncio.sleep(59)
        assert (await client.get(PATH)).json()["active_campaigns"] == IN_ORDER
        await asyncio.sleep(1.1)
        assert "not yet" in (await client.get(PATH)).json()["active_campaigns"]


@simulated
async def test_what_differs_is_written_behind_the_answer() -> None:
    """Once; the answer that finds it stored writes nothing."""
    parts = simulated_parts()
    async with serving(a_profile_app(parts)) as client:
        await settle()
        for _ in range(3):
            await client.get(PATH)
            await settle()
    assert parts.profiles.documents[PLAYER_ID] == a_profile(active_campaigns=IN_ORDER)
    assert len(parts.profiles.updates) == 1


@simulated
async def test_a_stop_writes_what_is_pending() -> None:
    """An answer given in the last moment is not forgotten."""
    parts = simulated_parts()
    async with serving(a_profile_app(parts)) as client:
        await settle()
        await client.get(PATH)
    assert parts.profiles.documents[PLAYER_ID]["active_campaigns"] == IN_ORDER


@pytest.mark.parametrize("reason", ["switched off", "stale"])
@simulated
async def test_some_do_not_write(reason: str) -> None:
    """An instance that is told not to, and one whose campaigns may be out of date."""
    parts = simulated_parts()
    async with serving(
        a_profile_app(parts, campaigns_ttl=30, persist_active_campaigns=reason != "switched off")
    ) as client:
        await settle()
        if reason == "stale":
            parts.origin.snapshot = None
            await asyncio.sleep(40)
        assert (await client.get(PATH)).json()["active_campaigns"] == IN_ORDER
        await asyncio.sleep(5)
    assert parts.profiles.updates == []


async def test_nobody_has_no_profile(client: httpx.AsyncClient) -> None:
    """404, and nothing is made."""
    answer = await client.get("/get_client_config/nobody")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Profile not found"})


@pytest.mark.parametrize(
    "player_id", ["%20a", "a%5Cb", "%00", "x" * 129, "%E2%80%8B", "a%0A", *NO_UTF_8, *SLASHES]
)
async def test_an_id_that_cannot_be_one(client: httpx.AsyncClient, player_id: str) -> None:
    """422 says what can."""
    answer = await client.get(f"/get_client_config/{player_id}")
    assert answer.status_code == 422
    [problem] = answer.json()["detail"]
    assert problem["loc"] == ["path", "player_id"]
    assert "printable" in problem["msg"]


@pytest.mark.parametrize("player_id", ['{"$gt": ""}', "$ne", "a.b", "{}", ".*"])
async def test_an_operator_is_just_a_name(client: httpx.AsyncClient, player_id: str) -> None:
    """It names nobody."""
    answer = await client.get(httpx.URL(f"http://test/get_client_config/{player_id}"))
    assert answer.status_code == 404


@pytest.mark.parametrize("trouble", ["unavailable", "hanging"])
@simulated
async def test_without_profiles_it_says_so_within_2_s(trouble: str) -> None:
    """503 with Retry-After, never a hang; and it is well as soon as they are back."""
    parts = simulated_parts()
    async with serving(a_profile_app(parts)) as client:
        await settle()
        setattr(parts.profiles, trouble, True)
        async with asyncio.timeout(2.1):
            answer = await client.get(PATH)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json() == {"detail": "profiles cannot be reached"}
        setattr(parts.profiles, trouble, False)
        assert (await client.get(PATH)).status_code == 200


@simulated
async def test_without_campaigns_it_says_so() -> None:
    """503 with Retry-After until the first snapshot comes: no answer from an empty list."""
    parts = simulated_parts()
    snapshot, parts.origin.snapshot = parts.origin.snapshot, None
    async with serving(a_profile_app(parts)) as client:
        await settle()
        answer = await client.get(PATH)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        parts.origin.snapshot = snapshot
        await asyncio.sleep(3)
        assert (await client.get(PATH)).status_code == 200


async def test_a_missing_player_is_asked_for_again(client: httpx.AsyncClient) -> None:
    """No cache may keep the 404 of a player who may be there in a moment."""
    answer = await client.get("/get_client_config/nobody")
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "private, no-cache"
