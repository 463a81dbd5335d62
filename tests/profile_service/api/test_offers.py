"""GET /get_client_config/{player_id}: groups, drafts, variants, overrides and games."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from contracts.campaign import Campaign
from contracts.snapshot import PublishedSegment
from testbed.builders import (
    NOW,
    PLAYER_ID,
    a_profile,
    a_published_segment,
    a_snapshot,
    as_published,
)
from testbed.fakes import FakeOrigin, InMemoryProfiles
from tests.apps import ProfileParts, a_profile_app, serving
from tests.simulated_time import SimulatedClock, settle, simulated

PATH = f"/get_client_config/{PLAYER_ID}"
END = NOW + timedelta(days=9)


def campaign(name: str, **fields: Any) -> Campaign:
    """Return a campaign that everybody is in, with these fields as JSON."""
    return Campaign.model_validate({"game": "mygame", "name": name, **fields})


def parts_of(
    campaigns: list[Campaign],
    profile: dict[str, Any] | None = None,
    segments: tuple[PublishedSegment, ...] = (),
) -> ProfileParts:
    """Return parts with these campaigns and one profile."""
    published = [as_published(each, revision=1) for each in campaigns]
    return ProfileParts(
        profiles=InMemoryProfiles(profile or a_profile(active_campaigns=[])),
        origin=FakeOrigin(a_snapshot(published, segments=segments)),
        clock=SimulatedClock(),
    )


async def answer_to(path: str, parts: ProfileParts, **settings: Any) -> httpx.Response:
    """Return the answer to one request."""
    async with serving(a_profile_app(parts, **settings)) as client:
        await settle()
        return await client.get(path)


def an_override(name: str, state: str, until: datetime = END, **fields: Any) -> dict[str, Any]:
    """Return an override as a profile holds it."""
    return {"campaign": name, "state": state, "until": until, "actor": "operator", **fields}


@simulated
async def test_where_and_segments_decide() -> None:
    """A campaign with `where`, a segment and a nested condition is in the answer, and only then."""
    whales = a_published_segment(where={"total_spent": {"gte": 100}})
    wanted = campaign(
        "vip",
        matchers={
            "where": {"clan.id": {"in": ["123456"]}},
            "segment": {"any": ["whales"]},
            "none": [{"where": {"level": {"lt": 2}}}],
        },
    )
    profile = a_profile(total_spent=100, clan={"id": "123456"})
    answer = await answer_to(PATH, parts_of([wanted], profile, (whales,)))
    assert answer.json()["active_campaigns"] == ["vip"]
    poor = {**profile, "total_spent": 99.5}
    answer = await answer_to(PATH, parts_of([wanted], poor, (whales,)))
    assert answer.json()["active_campaigns"] == []


@simulated
async def test_of_a_group_only_the_first_is_in_the_answer() -> None:
    """The one with the highest priority that is active and matches, equal ones by name."""
    campaigns = [
        campaign("not for this level", group="popup", priority=9, matchers={"level": {"min": 50}}),
        campaign("not yet", group="popup", priority=8, start_date=END.isoformat()),
        campaign("second", group="popup", priority=5),
        campaign("first", group="popup", priority=5),
        campaign("alone", priority=1),
        campaign("other", group="banner"),
    ]
    answer = await answer_to(PATH, parts_of(campaigns))
    assert answer.json()["active_campaigns"] == ["first", "alone", "other"]


@simulated
async def test_a_draft_is_nobodys() -> None:
    """It is published, and no player has it."""
    answer = await answer_to(PATH, parts_of([campaign("draft", stage="draft"), campaign("live")]))
    assert answer.json()["active_campaigns"] == ["live"]


@simulated
async def test_without_new_parameters_the_answer_is_as_before() -> None:
    """Byte for byte: payloads, tags and variants are for those that ask for them."""
    campaigns = [campaign("it", payload={"a": 1}, tags=["shop"], description="d")]
    profile = a_profile(active_campaigns=[])
    expected = orjson.dumps({**profile, "active_campaigns": ["it"]})
    for query in ("", "?tags=shop", "?include=", "?include=everything", "?x=campaigns"):
        answer = await answer_to(PATH + query, parts_of(campaigns, profile))
        assert answer.content == expected
        assert "x-campaigns-overridden" not in answer.headers


@simulated
async def test_include_campaigns() -> None:
    """What a client needs of each campaign, in the order of the answer."""
    campaigns = [
        campaign("plain", priority=2),
        campaign(
            "rich",
            priority=1.5,
            payload={"b": [1, None], "a": "é"},
            tags=["shop", "fête"],
            end_date="2030-01-01 00:00:00Z",
        ),
        campaign(
            "varied",
            payload="own",
            variants=[{"name": "red", "weight": 1, "payload": {"colour": "red"}}],
        ),
        campaign("bare", priority=-1, payload=5, variants=[{"name": "only", "weight": 1}]),
    ]
    answer = await answer_to(f"{PATH}?include=campaigns", parts_of(campaigns))
    assert answer.json()["campaigns"] == [
        {
            "name": "plain",
            "priority": 2.0,
            "variant": None,
            "payload": None,
            "tags": [],
            "end_date": None,
        },
        {
            "name": "rich",
            "priority": 1.5,
            "variant": None,
            "payload": {"b": [1, None], "a": "é"},
            "tags": ["shop", "fête"],
            "end_date": "2030-01-01T00:00:00Z",
        },
        {
            "name": "varied",
            "priority": 0.0,
            "variant": "red",
            "payload": {"colour": "red"},
            "tags": [],
            "end_date": None,
        },
        {
            "name": "bare",
            "priority": -1.0,
            "variant": "only",
            "payload": 5,
            "tags": [],
            "end_date": None,
        },
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("tags=shop", ["one", "both"]),
        ("tags=event", ["both"]),
        ("tags=shop,event", ["one", "both"]),
        ("tags=event&tags=shop", ["one", "both"]),
        ("tags=fe%CC%82te", ["party"]),
        ("tags=unknown", []),
        ("tags=", ["one", "both", "party", "none"]),
    ],
)
@simulated
async def test_tags_keep_the_campaigns_that_have_one(query: str, names: list[str]) -> None:
    """The names in active_campaigns stay all of them."""
    campaigns = [
        campaign("one", priority=4, tags=["shop"]),
        campaign("both", priority=3, tags=["shop", "event"]),
        campaign("party", priority=2, tags=["fête"]),
        campaign("none", priority=1),
    ]
    answer = await answer_to(f"{PATH}?include=campaigns&{query}", parts_of(campaigns))
    assert [each["name"] for each in answer.json()["campaigns"]] == names
    assert answer.json()["active_campaigns"] == ["one", "both", "party", "none"]


CHOSEN = [
    campaign("ended", end_date="2021-01-01T00:00:00Z"),
    campaign("draft", stage="draft"),
    campaign("unmatched", matchers={"level": {"min": 90}, "rollout": {"percent": 0}}),
    campaign("grouped", group="popup"),
    campaign("first", group="popup", priority=5),
    campaign("usual"),
]


@simulated
async def test_an_override_puts_a_tester_in() -> None:
    """Whatever dates, stage, matchers, rollout and group say; the header says that it did."""
    on = [an_override(name, "on") for name in ("ended", "draft", "unmatched", "grouped")]
    profile = a_profile(overrides=on, active_campaigns=[])
    answer = await answer_to(PATH, parts_of(CHOSEN, profile))
    assert answer.json()["active_campaigns"] == [
        "first",
        "draft",
        "ended",
        "grouped",
        "unmatched",
        "usual",
    ]
    assert answer.headers["x-campaigns-overridden"] == "true"
    assert "overrides" not in answer.json()


@simulated
async def test_off_beats_everything() -> None:
    """The campaign is out, and the next of its group is in."""
    profile = a_profile(overrides=[an_override("first", "off"), an_override("usual", "off")])
    answer = await answer_to(PATH, parts_of(CHOSEN, profile))
    assert answer.json()["active_campaigns"] == ["grouped"]
    assert answer.headers["x-campaigns-overridden"] == "true"


@pytest.mark.parametrize(
    "override",
    [
        an_override("draft", "on", NOW),
        an_override("deleted", "on"),
        an_override("draft", "maybe"),
        {"campaign": "draft", "state": "on"},
        {"campaign": ["draft"], "state": "on", "until": END},
        {"campaign": "draft", "state": [], "until": END},
        "draft",
        None,
    ],
)
@simulated
async def test_what_is_no_override_now_changes_nothing(override: Any) -> None:
    """One that has run out, whose campaign is deleted, or that others have written wrongly."""
    profile = a_profile(overrides=[override])
    answer = await answer_to(PATH, parts_of(CHOSEN, profile))
    assert answer.json()["active_campaigns"] == ["first", "usual"]
    assert "x-campaigns-overridden" not in answer.headers


@simulated
async def test_an_override_chooses_the_variant() -> None:
    """Where the campaign has it; else the player has the usual one."""
    campaigns = [
        campaign("it", variants=[{"name": "a", "weight": 1_000_000}, {"name": "b", "weight": 1}])
    ]
    for wanted, found in (("b", "b"), ("z", "a")):
        profile = a_profile(overrides=[an_override("it", "on", variant=wanted)])
        answer = await answer_to(f"{PATH}?include=campaigns", parts_of(campaigns, profile))
        assert answer.json()["campaigns"][0]["variant"] == found


@simulated
async def test_an_overridden_answer_is_not_stored() -> None:
    """What a tester is shown is not written back to the profile; a usual answer is."""
    for override, stored in (("on", []), ("gone", ["first", "usual"])):
        parts = parts_of(
            CHOSEN, a_profile(overrides=[an_override("draft", override)], active_campaigns=[])
        )
        async with serving(a_profile_app(parts)) as client:
            await settle()
            await client.get(PATH)
        document = await parts.profiles.get(PLAYER_ID)
        assert document is not None
        assert document["active_campaigns"] == stored


@simulated
async def test_operators_fields_are_not_for_clients() -> None:
    """The lists of a player and the overrides stay with the operators."""
    profile = a_profile(lists=["whales"], overrides=[], active_campaigns=[])
    answer = await answer_to(PATH, parts_of([campaign("it")], profile))
    assert answer.json() == {**a_profile(), "active_campaigns": ["it"]}


@simulated
async def test_a_list_of_players_is_matched() -> None:
    """By the profile's field `lists`."""
    wanted = campaign("it", matchers={"where": {"lists": {"in": ["whales", "testers"]}}})
    for lists, names in ((["whales"], ["it"]), (["others"], []), (None, [])):
        answer = await answer_to(PATH, parts_of([wanted], a_profile(lists=lists)))
        assert answer.json()["active_campaigns"] == names


@simulated
async def test_a_service_of_one_game_knows_no_other_game() -> None:
    """GAME: campaigns of other games are in no answer, not even by an override or a group."""
    campaigns = [
        campaign("ours", group="popup"),
        campaign("theirs", group="popup", priority=9).model_copy(update={"game": "other"}),
    ]
    profile = a_profile(overrides=[an_override("theirs", "on")])
    answer = await answer_to(PATH, parts_of(campaigns, profile), game="mygame")
    assert answer.json()["active_campaigns"] == ["ours"]
    answer = await answer_to(PATH, parts_of(campaigns), game="other")
    assert answer.json()["active_campaigns"] == ["theirs"]
    answer = await answer_to(PATH, parts_of(campaigns))
    assert answer.json()["active_campaigns"] == ["theirs"]
