"""POST /preview."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest

from profile_service.profiles.query import Query
from profile_service.profiles.repository import Counted
from testbed.builders import a_profile, a_published_campaign, a_published_segment, a_snapshot
from testbed.fakes import FakeOrigin, InMemoryProfiles
from tests.apps import ADMIN, ProfileParts, a_profile_app, serving
from tests.simulated_time import settle

ROMANIANS = 12
PLAYERS = 30
CAMPAIGN = {"game": "g", "name": "spring"}


@pytest.fixture
def parts() -> ProfileParts:
    """Players of two countries, and segments of which one refers to the other."""
    players = [
        a_profile(f"player {number:02}", country="RO" if number < ROMANIANS else "US", xp=number)
        for number in range(PLAYERS)
    ]
    snapshot = a_snapshot(
        [a_published_campaign()],
        segments=[
            a_published_segment("romanians", has={"country": ["RO"]}),
            a_published_segment("others", segment={"none": ["romanians"]}),
        ],
        revision=5,
    )
    return ProfileParts(profiles=InMemoryProfiles(*players), origin=FakeOrigin(snapshot))


def ask(client: httpx.AsyncClient, **body: Any) -> Awaitable[httpx.Response]:
    """Ask for a preview."""
    return client.post("/preview", headers=ADMIN, json=body)


class Late(InMemoryProfiles):
    """Profiles whose counting runs out of time."""

    async def count(self, query: Query, *, seconds: float, sample: int) -> Counted:
        counted = await super().count(query, seconds=seconds, sample=sample)
        assert seconds == 0.5
        return Counted(counted.matching, counted.total, counted.sample, is_exact=False)


async def test_it_answers_how_many_match(client: httpx.AsyncClient) -> None:
    """How many of how many, some ids, the time it took, and that it is exact."""
    answer = await ask(client, matchers={"has": {"country": ["RO"]}})
    assert answer.status_code == 200
    assert answer.json() == {
        "matching": ROMANIANS,
        "total": PLAYERS,
        "exact": True,
        "sample": [f"player {number:02}" for number in range(10)],
        "took_ms": 0.0,
    }


@pytest.mark.parametrize(
    ("matchers", "expected"),
    [
        ({}, PLAYERS),
        ({"where": {"xp": {"lt": 7}}}, 7),
        ({"segment": {"any": ["romanians"]}}, ROMANIANS),
        ({"segment": {"all": ["others"]}, "where": {"xp": {"lt": 15}}}, 3),
        ({"none": [{"segment": {"any": ["romanians", "others"]}}]}, 0),
    ],
)
async def test_bare_matchers_and_those_of_a_campaign_are_the_same(
    client: httpx.AsyncClient, matchers: dict[str, Any], expected: int
) -> None:
    """Segments are those that are held; dates, stage and `last_updated` do not count."""
    ended = {"end_date": "2001-01-01T00:00:00Z", "enabled": False, "stage": "draft"}
    campaign = {**CAMPAIGN, **ended, "last_updated": 1, "matchers": matchers}
    for body in ({"matchers": matchers}, {"campaign": campaign}):
        answer = await ask(client, **body, sample=100)
        assert answer.json()["matching"] == expected
        assert len(answer.json()["sample"]) == expected


async def test_a_rollout_goes_by_the_campaigns_name(client: httpx.AsyncClient) -> None:
    """Those who are counted are the players whom the campaign will take."""
    rollout: dict[str, Any] = {"rollout": {"percent": 50}}
    named = await ask(client, campaign={**CAMPAIGN, "matchers": rollout}, sample=100)
    salted: dict[str, Any] = {"rollout": {"percent": 50, "salt": "spring"}}
    bare = await ask(client, matchers=salted, sample=100)
    assert named.json()["sample"] == bare.json()["sample"]
    assert 0 < named.json()["matching"] < PLAYERS


async def test_a_sample_may_be_of_none(client: httpx.AsyncClient) -> None:
    """Whoever wants the number alone gets no ids."""
    answer = await ask(client, matchers={}, sample=0)
    assert (answer.json()["matching"], answer.json()["sample"]) == (PLAYERS, [])


async def test_a_lower_bound_says_so(parts: ProfileParts) -> None:
    """When PREVIEW_TIMEOUT is over, what was found is not called exact."""
    parts.profiles = Late(a_profile())
    async with serving(a_profile_app(parts, preview_timeout=0.5)) as client:
        answer = await ask(client, matchers={})
    assert answer.status_code == 200
    assert (answer.json()["matching"], answer.json()["exact"]) == (1, False)


@pytest.mark.parametrize(
    ("body", "where", "says"),
    [
        ({}, ["matchers"], "is required, or a campaign in its place"),
        ({"matchers": None}, ["matchers"], "is required, or a campaign in its place"),
        ({"matchers": {}, "campaign": CAMPAIGN}, ["matchers"], "give one of the two"),
        ({"matchers": {"wher": {}}}, ["matchers", "wher"], "is not known here; allowed: level"),
        ({"matchers": {"level": {}}}, ["matchers", "level"], "needs min, max or both"),
        ({"campaign": {"name": "x"}}, ["campaign", "game"], "is required"),
        ({"campaign": {**CAMPAIGN, "x": 1}}, ["campaign", "x"], "is not known here"),
        (
            {"campaign": {**CAMPAIGN, "matchers": {"level": {"min": "x"}}}},
            ["campaign", "matchers", "level", "min"],
            "must be a whole number",
        ),
        ({"matchers": {}, "sample": 101}, ["sample"], "must be at most 100"),
        ({"matchers": {}, "sample": -1}, ["sample"], "must be at least 0"),
        ({"matchers": {}, "limit": 1}, ["limit"], "allowed: matchers, campaign, sample"),
        (
            {"matchers": {"any": [{"segment": {"none": ["whales", "ghosts", "romanians"]}}]}},
            ["matchers"],
            "must refer to known segments; not known: ghosts, whales",
        ),
        (
            {"campaign": {**CAMPAIGN, "matchers": {"segment": {"all": ["whales"]}}}},
            ["campaign", "matchers"],
            "must refer to known segments; not known: whales",
        ),
    ],
)
async def test_what_is_wrong_is_named(
    client: httpx.AsyncClient, parts: ProfileParts, body: Any, where: list[str], says: str
) -> None:
    """422 with the place of what is wrong and what is allowed; nothing is counted."""
    answer = await ask(client, **body)
    assert answer.status_code == 422
    [problem] = answer.json()["detail"]
    assert problem["loc"] == where
    assert says in problem["msg"]
    assert parts.profiles.counts == []


async def test_a_segment_whose_matchers_are_not_known_is_named(parts: ProfileParts) -> None:
    """What cannot be judged is not counted as nobody."""
    parts.origin.snapshot = a_snapshot(
        segments=[a_published_segment("lost", segment={"any": ["gone"]})]
    )
    async with serving(a_profile_app(parts)) as client:
        await settle()
        answer = await ask(client, matchers={"segment": {"none": ["lost"]}})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"].endswith("not known: lost")


async def test_a_campaign_of_another_game_is_refused(parts: ProfileParts) -> None:
    """With GAME the stored players are of that game alone: a count would mislead."""
    async with serving(a_profile_app(parts, game="mygame")) as client:
        refused = await ask(client, campaign=CAMPAIGN)
        counted = await ask(client, campaign={**CAMPAIGN, "game": "mygame"})
    assert refused.status_code == 422
    [problem] = refused.json()["detail"]
    assert problem == {
        "loc": ["campaign", "game"],
        "msg": "must be mygame: no other is served here",
    }
    assert counted.json()["matching"] == PLAYERS


async def test_without_a_snapshot_only_segments_are_missing(parts: ProfileParts) -> None:
    """503 where segments are needed; anything else is counted."""
    parts.origin.snapshot = None
    async with serving(a_profile_app(parts)) as client:
        refused = await ask(client, matchers={"segment": {"any": ["romanians"]}})
        answered = await ask(client, matchers={"has": {"country": ["RO"]}})
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.json() == {"detail": "no campaigns are known yet, and so no segments"}
    assert answered.json()["matching"] == ROMANIANS


async def test_two_are_made_at_a_time(client: httpx.AsyncClient, parts: ProfileParts) -> None:
    """A third is refused at once and says when to try again; then there is room again."""
    parts.profiles.hanging = True
    waiting = [asyncio.ensure_future(ask(client, matchers={})) for _ in range(2)]
    await settle()
    refused = await ask(client, matchers={})
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert "2 previews" in refused.json()["detail"]
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    parts.profiles.hanging = False
    assert (await ask(client, matchers={})).status_code == 200


async def test_what_is_refused_takes_no_room(client: httpx.AsyncClient) -> None:
    """Wrong previews and a store that is away leave the next one its place."""
    for _ in range(3):
        assert (await ask(client)).status_code == 422
    assert (await ask(client, matchers={})).status_code == 200


async def test_a_store_that_is_away(client: httpx.AsyncClient, parts: ProfileParts) -> None:
    """503, and never a number."""
    parts.profiles.unavailable = True
    for _ in range(3):
        answer = await ask(client, matchers={})
        assert answer.status_code == 503
        assert answer.json() == {"detail": "profiles cannot be counted now"}


async def test_a_body_over_the_limit(client: httpx.AsyncClient) -> None:
    """413 names the limit."""
    answer = await ask(client, matchers={"x": "x" * 2 * 1024 * 1024})
    assert answer.status_code == 413
    assert answer.json() == {"detail": "a preview must not be over 2097152 bytes"}
