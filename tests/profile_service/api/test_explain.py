"""GET /get_client_config/{player_id}/explain and POST /explain."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from contracts.campaign import Campaign
from profile_service.explaining import MAX_TREES_BYTES
from testbed.builders import (
    NOW,
    PLAYER_ID,
    a_profile,
    a_published_campaign,
    a_published_segment,
    a_snapshot,
    as_published,
)
from testbed.fakes import FakeOrigin, InMemoryProfiles
from tests.apps import ADMIN, ProfileParts, a_profile_app, serving, until_ready
from tests.simulated_time import settle

PATH = f"/get_client_config/{PLAYER_ID}/explain"
HOUR = timedelta(hours=1)
WHALES = a_published_segment("whales", where={"total_spent": {"gte": 100}})


def targeted(name: str, **fields: Any) -> Any:
    """Return a campaign as a snapshot holds it, from JSON."""
    campaign = Campaign.model_validate({"game": "mygame", "name": name, **fields})
    return as_published(campaign, revision=1)


CAMPAIGNS = (
    a_published_campaign("everyday"),
    a_published_campaign("high level", priority=2, level=(5, None)),
    a_published_campaign("later", priority=1, start=NOW + HOUR),
    targeted("for whales", matchers={"segment": {"all": ["whales"]}}, group="banner", priority=9),
    targeted("for all", group="banner", variants=[{"name": "a", "weight": 1}]),
    a_published_campaign("elsewhere", game="other"),
)


@pytest.fixture
def parts() -> ProfileParts:
    """One player at level 2, and campaigns of which the player is in some."""
    return ProfileParts(
        profiles=InMemoryProfiles(a_profile(), a_profile("explain"), a_profile("a b")),
        origin=FakeOrigin(a_snapshot(CAMPAIGNS, revision=5, segments=[WHALES])),
    )


@pytest.fixture
async def client(parts: ProfileParts) -> AsyncIterator[httpx.AsyncClient]:
    """An admin's client of the service, which holds the snapshot already."""
    async with serving(a_profile_app(parts)) as client:
        client.headers.update(ADMIN)
        await settle()
        yield client


async def ask(client: httpx.AsyncClient, path: str = PATH, **query: Any) -> dict[str, Any]:
    """Return the answer, which must be one."""
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def post(client: httpx.AsyncClient, query: str = "", **body: Any) -> dict[str, Any]:
    """Return the answer to what is in the body, which must be one."""
    answer = await client.post(f"/explain{query}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def reasons(answer: dict[str, Any]) -> dict[str, str]:
    """Return the reasons by the names of the campaigns, in their order."""
    return {each["name"]: each["reason"] for each in answer["campaigns"]}


ACTIVE = "the campaign is active, and the player matches"
REASONS = {
    "for whales": (
        'the player is not in the segment "whales": '
        "total_spent is missing, and must be at least 100"
    ),
    "high level": "level is 2, and must be at least 5",
    "later": "the campaign starts at 2022-02-01T13:00:00Z",
    "elsewhere": ACTIVE,
    "everyday": ACTIVE,
    "for all": ACTIVE,
}


async def test_every_campaign_has_its_reason(client: httpx.AsyncClient) -> None:
    """In the order of the client's answer, which has exactly those that are active."""
    answer = await ask(client)
    assert reasons(answer) == REASONS
    assert [*reasons(answer)] == [*REASONS]
    told = (await client.get(f"/get_client_config/{PLAYER_ID}")).json()["active_campaigns"]
    assert [each["name"] for each in answer["campaigns"] if each["active"]] == told
    assert {key: answer[key] for key in ("player_id", "at", "revision", "stale", "left_out")} == {
        "player_id": PLAYER_ID,
        "at": "2022-02-01T12:00:00Z",
        "revision": 5,
        "stale": False,
        "left_out": 0,
    }


async def test_one_campaign_has_everything_about_it(client: httpx.AsyncClient) -> None:
    """Status, dates, variant, group and the tree, segments with theirs."""
    [campaign] = (await ask(client, campaign="for whales"))["campaigns"]
    tree = campaign.pop("matchers")
    assert campaign == {
        "name": "for whales",
        "priority": 9,
        "active": False,
        "reason": REASONS["for whales"],
        "status": "active",
        "start_date": None,
        "end_date": None,
        "matches": False,
        "variant": None,
        "group": "banner",
        "group_winner": "for all",
        "override": None,
    }
    [segment] = tree["parts"]
    [whales] = segment["parts"][0]["parts"]
    assert (whales["segment"], whales["verdict"]) == ("whales", False)
    assert whales["parts"][0]["parts"] == [
        {
            "matcher": "where",
            "path": "total_spent",
            "operator": "gte",
            "expected": 100,
            "actual": None,
            "verdict": False,
            "reason": "total_spent is missing, and must be at least 100",
        }
    ]
    [other] = (await ask(client, campaign="for all"))["campaigns"]
    assert (other["active"], other["variant"], other["group_winner"]) == (True, "a", "for all")


async def test_another_time_can_be_asked_for(client: httpx.AsyncClient) -> None:
    """At `at` the later campaign has begun; the + of an offset may be lost."""
    for at in ("2022-02-01T13:00:00Z", "2022-02-01T15:00:00+02:00"):
        answer = await ask(client, at=at, campaign="later")
        assert answer["at"] == "2022-02-01T13:00:00Z"
        assert reasons(answer) == {"later": ACTIVE}
    answer = (await client.get(f"{PATH}?at=2022-02-01T15:00:00+02:00")).json()
    assert answer["at"] == "2022-02-01T13:00:00Z"


async def test_those_that_the_player_is_in_can_be_asked_for(client: httpx.AsyncClient) -> None:
    """`active` chooses, and `limit` says how many; what is left out is counted."""
    assert [*reasons(await ask(client, active="true"))] == ["elsewhere", "everyday", "for all"]
    answer = await ask(client, active="false", limit=2)
    assert [*reasons(answer)] == ["for whales", "high level"]
    assert answer["left_out"] == 1


async def test_a_draft_takes_the_place_of_a_campaign(client: httpx.AsyncClient) -> None:
    """In its group too, at another priority; nothing is stored."""
    draft = {"name": "for whales", "game": "mygame", "priority": 10, "group": "banner"}
    answer = await post(client, campaign=draft, player_id=PLAYER_ID)
    assert reasons(answer) == {"for whales": ACTIVE}
    answer = await post(client, "?campaign=for%20all", campaign=draft, player_id=PLAYER_ID)
    assert reasons(answer) == {
        "for all": '"for whales" comes before it in the group "banner"',
    }
    assert reasons(await ask(client)) == REASONS


async def test_a_draft_joins_the_others(client: httpx.AsyncClient) -> None:
    """One with a new name competes with those of its group; segments are the held ones."""
    draft = {
        "name": "new",
        "game": "mygame",
        "priority": -1,
        "group": "banner",
        "matchers": {"segment": {"none": ["whales"]}},
        "last_updated": "ignored",
    }
    answer = await post(client, campaign=draft, player_id=PLAYER_ID)
    assert reasons(answer) == {"new": '"for all" comes before it in the group "banner"'}
    alone = await post(client, campaign={**draft, "group": None}, player_id=PLAYER_ID)
    assert reasons(alone) == {"new": ACTIVE}
    staged = await post(client, campaign={**draft, "stage": "draft"}, player_id=PLAYER_ID)
    assert staged["campaigns"][0]["status"] == "draft"
    assert not staged["campaigns"][0]["active"]


async def test_a_profile_can_be_in_the_body(client: httpx.AsyncClient, parts: ProfileParts) -> None:
    """A player that is not stored, at another time; overrides in the body count."""
    until = (NOW + 3 * HOUR).isoformat()
    override = {
        "campaign": "high level",
        "state": "on",
        "until": until,
        "actor": "anna",
        "set_at": NOW.isoformat(),
    }
    profile = a_profile("nobody", total_spent=100, overrides=[override])
    answer = await post(client, profile=profile, at="2022-02-01T14:00:00Z")
    assert answer["player_id"] == "nobody"
    assert reasons(answer) == {
        **dict.fromkeys(REASONS, ACTIVE),
        "high level": 'an override by "anna" turns it on until 2022-02-01T15:00:00Z',
        "for all": '"for whales" comes before it in the group "banner"',
    }
    assert "nobody" not in parts.profiles.documents


async def test_only_the_campaigns_of_the_game_are_explained(parts: ProfileParts) -> None:
    """With GAME the others are not there, and a draft of another game is refused."""
    async with serving(a_profile_app(parts, game="mygame")) as client:
        client.headers.update(ADMIN)
        await settle()
        assert [*reasons(await ask(client))] == [each for each in REASONS if each != "elsewhere"]
        assert (await client.get(PATH, params={"campaign": "elsewhere"})).status_code == 404
        draft = {"name": "new", "game": "other"}
        answer = await client.post("/explain", json={"campaign": draft, "player_id": PLAYER_ID})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["campaign", "game"]


@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ("at=tomorrow", ["query", "at"]),
        ("campaign=a/b", ["query", "campaign"]),
        ("active=perhaps", ["query", "active"]),
        ("limit=0", ["query", "limit"]),
        ("limit=10001", ["query", "limit"]),
    ],
)
async def test_a_wrong_query_is_refused(
    client: httpx.AsyncClient, query: str, loc: list[str]
) -> None:
    """By the name of the parameter."""
    answer = await client.get(f"{PATH}?{query}")
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, loc)


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ([], []),
        ({}, ["player_id"]),
        ({"player_id": "x", "profile": a_profile()}, ["player_id"]),
        ({"player_id": "a/b"}, ["player_id"]),
        ({"profile": {}}, ["profile", "player_id"]),
        ({"profile": a_profile(level="2")}, ["profile", "level"]),
        ({"profile": a_profile(_x={"a.b": 1})}, ["profile", "_x", "a.b"]),
        ({"profile": "x"}, ["profile"]),
        ({"player_id": "x", "campaign": {"name": "x"}}, ["campaign", "game"]),
        ({"player_id": "x", "campaign": []}, ["campaign"]),
        ({"player_id": "x", "at": "tomorrow"}, ["at"]),
        ({"player_id": "x", "verbose": True}, ["verbose"]),
    ],
)
async def test_a_wrong_body_is_refused(
    client: httpx.AsyncClient, body: Any, loc: list[str]
) -> None:
    """By the name of the field."""
    answer = await client.post("/explain", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == loc


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    """A player or a campaign, each by its own words."""
    answer = await client.get("/get_client_config/nobody/explain")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Profile not found")
    answer = await client.get(PATH, params={"campaign": "nothing"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Campaign not found")


async def test_without_campaigns_there_is_nothing_to_explain() -> None:
    """As for a client."""
    parts = ProfileParts(profiles=InMemoryProfiles(a_profile()))
    async with serving(a_profile_app(parts)) as client:
        for answer in (
            await client.get(PATH, headers=ADMIN),
            await client.post("/explain", json={"profile": a_profile()}, headers=ADMIN),
        ):
            assert answer.status_code == 503
            assert "retry-after" in answer.headers


async def test_a_player_may_be_called_explain(client: httpx.AsyncClient) -> None:
    """The client's path and the one of explanations do not take each other's place."""
    found = (await client.get("/get_client_config/explain")).json()
    assert found["player_id"] == "explain"
    answer = await ask(client, "/get_client_config/explain/explain")
    assert answer["player_id"] == "explain"
    assert (await ask(client, "/get_client_config/a%20b/explain"))["player_id"] == "a b"
    for rest in ("a/b/explain", "explain%0A", "a/explain%0A", "/explain", "a/explain/"):
        assert (await client.get(f"/get_client_config/{rest}")).status_code == 422
    assert (await client.post(PATH)).status_code == 405
    head = await client.head(PATH)
    assert (head.status_code, head.content) == (200, b"")


async def test_thousands_of_campaigns_leave_room_for_clients() -> None:
    """The loop goes on meanwhile, the answer has a limit, and so have its trees."""
    matchers = {"any": [{"level": {"min": 9}}] * 30}
    campaigns = [targeted(f"c{number}", matchers=matchers) for number in range(2000)]
    parts = ProfileParts(
        profiles=InMemoryProfiles(a_profile()), origin=FakeOrigin(a_snapshot(campaigns))
    )
    turns = 0

    async def tick() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with serving(a_profile_app(parts)) as client:
        client.headers.update(ADMIN)
        await until_ready(client)
        ticking = asyncio.create_task(tick())
        answers = await asyncio.gather(*(client.get(PATH) for _ in range(3)))
        ticking.cancel()
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503]
    found = next(answer for answer in answers if answer.status_code == 200)
    content = found.json()
    assert (len(content["campaigns"]), content["left_out"]) == (1000, 1000)
    assert content["campaigns"][0]["matchers"] is not None
    assert content["campaigns"][-1]["matchers"] is None
    assert all(each["reason"] for each in content["campaigns"])
    assert MAX_TREES_BYTES < len(found.content) < MAX_TREES_BYTES + 1024 * 1024
    # Each verdict takes about a millisecond, and a slice has three of them.
    assert turns > 200
