"""What every ProfileRepository keeps to: MongoDB over both drivers, and SQLite."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from profile_service.matching.evaluator import MATCHED_FIELDS
from profile_service.profiles.repository import ActiveCampaignsUpdate, ProfileRepository, Written
from testbed.builders import PLAYER_ID, a_profile, golden
from tests.profile_service.profiles.stores import stored
from tests.strategies import stored_profiles

# They look like operators, field paths or patterns to a store that takes them for more than text.
ODD_IDS = (
    "$ne",
    "$where",
    "a.b",
    "{}",
    '{"$gt": ""}',
    "%",
    "' OR 1=1 --",
    ".*",
    "null",
    "Zo\u00eb",
)


def exactly(document: dict[str, Any]) -> str:
    """Return a form in which the order of keys counts, and 400 and 400.0 differ."""
    return json.dumps(document)


async def test_golden(profiles: ProfileRepository) -> None:
    """The profile of tests/data is stored key by key and value for value."""
    document = golden("profile")
    assert await profiles.put([document]) == Written(created=1, replaced=0)
    assert exactly(await stored(profiles, document["player_id"])) == exactly(
        {**document, "active_campaigns": []}
    )


# The examples share a store: each is one more profile in it. None replaces another, as the
# stand-in for MongoDB keeps the order of a replaced document's keys.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(profile=stored_profiles())
async def test_any_profile_is_stored_as_sent(
    profiles: ProfileRepository, profile: dict[str, Any]
) -> None:
    """Key order and every value stay as they were sent, but for `active_campaigns`."""
    await profiles.delete(profile["player_id"])
    await profiles.put([profile])
    expected = {**profile, "active_campaigns": []}
    assert exactly(await stored(profiles, profile["player_id"])) == exactly(expected)


async def test_the_order_of_keys_stays(profiles: ProfileRepository) -> None:
    """`active_campaigns` stands where it was sent, or at the end."""
    sent = {"player_id": "sent", "active_campaigns": ["mine"], "level": 1}
    await profiles.put([sent, {"player_id": "not sent", "level": 1}])
    assert list(await stored(profiles, "sent")) == ["player_id", "active_campaigns", "level"]
    assert list(await stored(profiles, "not sent")) == ["player_id", "level", "active_campaigns"]


async def test_numbers_keep_their_types(profiles: ProfileRepository) -> None:
    """400 does not become 400.0, nor the other way round, and 64 bits are kept to the last."""
    numbers = {"total_spent": 400, "total_refund": 400.0, "xp": 2**63 - 1, "_low": -(2**63)}
    await profiles.put([a_profile(**numbers)])
    assert exactly(await stored(profiles)) == exactly(a_profile(**numbers, active_campaigns=[]))


async def test_dates_stay_text(profiles: ProfileRepository) -> None:
    """A date that was sent as text comes back as that text."""
    await profiles.put([a_profile(created="2021-01-10 13:37:17Z")])
    assert (await stored(profiles))["created"] == "2021-01-10 13:37:17Z"


async def test_a_replacement_is_whole(profiles: ProfileRepository) -> None:
    """A field that is not sent again is gone."""
    await profiles.put([a_profile(xp=1, _custom={"a": 1})])
    assert await profiles.put([{"player_id": PLAYER_ID}]) == Written(created=0, replaced=1)
    assert await stored(profiles) == {"player_id": PLAYER_ID, "active_campaigns": []}


async def test_an_unknown_player_has_no_profile(profiles: ProfileRepository) -> None:
    """Nobody's profile is None, and cannot be deleted."""
    assert await profiles.get("nobody") is None
    assert not await profiles.delete("nobody")


async def test_many_at_once(profiles: ProfileRepository) -> None:
    """Those that there are come by their ids, each as when it is asked for alone."""
    there = [*ODD_IDS, *(f"player {number}" for number in range(300))]
    await profiles.put([a_profile(player_id, _own=player_id) for player_id in there])
    found = await profiles.get_many(["nobody", *there[::2], there[0], "Zoe\u0308"])
    assert found.keys() == {*there[::2]}
    for player_id in there[:8:2]:
        assert exactly(found[player_id]) == exactly(await stored(profiles, player_id))
    assert await profiles.get_many([]) == {}


async def test_a_deleted_profile_is_gone(profiles: ProfileRepository) -> None:
    """Delete removes that one profile, once; written again it is new, without campaigns."""
    await profiles.put([a_profile("one"), a_profile("two")])
    await profiles.update_active_campaigns([ActiveCampaignsUpdate("one", [], ["a"])])
    assert await profiles.delete("one")
    assert not await profiles.delete("one")
    assert await profiles.get("one") is None
    assert await profiles.get("two") is not None
    assert await profiles.put([a_profile("one")]) == Written(created=1, replaced=0)
    assert (await stored(profiles, "one"))["active_campaigns"] == []


async def test_what_is_sent_as_active_campaigns_is_ignored(profiles: ProfileRepository) -> None:
    """A new profile starts with none, and a stored one keeps what the service wrote."""
    document = a_profile(active_campaigns=["mine"])
    await profiles.put([document])
    assert (await stored(profiles))["active_campaigns"] == []
    await profiles.update_active_campaigns([ActiveCampaignsUpdate(PLAYER_ID, [], ["theirs"])])
    await profiles.put([document])
    assert (await stored(profiles))["active_campaigns"] == ["theirs"]


async def test_a_write_tells_the_campaigns_that_stay(profiles: ProfileRepository) -> None:
    """Of each profile that was written: a stored one's own, and none for a new one."""
    await profiles.put([a_profile("b")])
    await profiles.update_active_campaigns([ActiveCampaignsUpdate("b", [], ["kept"])])
    written = await profiles.put([a_profile(name, active_campaigns=["mine"]) for name in "abc"])
    assert written.kept == {
        "a": {"active_campaigns": []},
        "b": {"active_campaigns": ["kept"]},
        "c": {"active_campaigns": []},
    }


async def test_a_batch_of_new_and_stored_profiles(profiles: ProfileRepository) -> None:
    """A batch tells new profiles from replaced ones, and each keeps its own campaigns."""
    await profiles.put([a_profile(name, level=1) for name in ("b", "d")])
    await profiles.update_active_campaigns([ActiveCampaignsUpdate("b", [], ["kept"])])
    batch = [a_profile(name, level=2) for name in "abcde"]
    assert await profiles.put(batch) == Written(created=3, replaced=2)
    found = [await stored(profiles, name) for name in "abcde"]
    assert [each["level"] for each in found] == [2] * 5
    assert [each["active_campaigns"] for each in found] == [[], ["kept"], [], [], []]


async def test_a_batch_of_an_import(profiles: ProfileRepository) -> None:
    """Hundreds of profiles are one batch."""
    batch = [a_profile(f"player {number}") for number in range(500)]
    assert await profiles.put(batch) == Written(created=500, replaced=0)
    assert await profiles.put([*batch[:-1], a_profile("new")]) == Written(created=1, replaced=499)


async def test_an_update_sets_one_field(profiles: ProfileRepository) -> None:
    """Only `active_campaigns` changes, in its place: `modified` and all others stay."""
    document = {
        "player_id": PLAYER_ID,
        "modified": "2021-01-10 13:37:17Z",
        "active_campaigns": [],
        "total_spent": 400,
    }
    await profiles.put([document])
    updates = [ActiveCampaignsUpdate(PLAYER_ID, [], ["b", "a", "Fête d'été"])]
    assert await profiles.update_active_campaigns(updates) == 1
    assert exactly(await stored(profiles)) == exactly(
        {**document, "active_campaigns": ["b", "a", "Fête d'été"]}
    )


@pytest.mark.parametrize("read", [["a"], ["b", "a"], ["a", "b", "c"], ["c"], [], None])
async def test_an_outdated_update_is_dropped(
    profiles: ProfileRepository, read: list[str] | None
) -> None:
    """Where the stored value is no longer what was read, nothing is written."""
    await profiles.put([a_profile()])
    await profiles.update_active_campaigns([ActiveCampaignsUpdate(PLAYER_ID, [], ["a", "b"])])
    outdated = [ActiveCampaignsUpdate(PLAYER_ID, read, ["mine"])]
    assert await profiles.update_active_campaigns(outdated) == 0
    assert (await stored(profiles))["active_campaigns"] == ["a", "b"]


@pytest.mark.parametrize(
    "now",
    [
        {"level": 3},
        {"level": None},
        {"inventory": {"item_1": 2}},
        {"inventory": {"item_1": 1, "item_2": 1}},
        {"inventory": {}},
    ],
)
async def test_an_update_of_a_profile_that_was_replaced_is_dropped(
    profiles: ProfileRepository, now: dict[str, Any]
) -> None:
    """What it was decided on is compared, not only the campaigns; other fields may change."""
    before = a_profile(xp=1)
    await profiles.put([before])
    decided_on = {field: before.get(field) for field in MATCHED_FIELDS}
    update = [ActiveCampaignsUpdate(PLAYER_ID, [], ["mine"], decided_on)]
    await profiles.put([before | now])
    assert await profiles.update_active_campaigns(update) == 0
    assert (await stored(profiles))["active_campaigns"] == []
    await profiles.put([a_profile(xp=2, _own={"a": 1})])
    assert await profiles.update_active_campaigns(update) == 1
    assert (await stored(profiles))["active_campaigns"] == ["mine"]


async def test_an_update_decided_on_missing_fields(profiles: ProfileRepository) -> None:
    """None stands for a field that is null or missing, in the store too."""
    nothing = dict.fromkeys(MATCHED_FIELDS)
    await profiles.put([{"player_id": "null", "level": None}, {"player_id": "missing"}])
    updates = [
        ActiveCampaignsUpdate(player_id, [], ["a"], nothing) for player_id in ("null", "missing")
    ]
    assert await profiles.update_active_campaigns(updates) == 2


@pytest.mark.parametrize("name", ['_"', "_'", "_$x", "_a b", "_\\", "_\u2028", "_[0]", "_Zo\u00eb"])
@pytest.mark.parametrize("value", [1, 1.5, "text", True, {"a": [1, "b"]}, ["vip", "Zo\u00eb"], []])
async def test_an_update_decided_on_any_field(
    profiles: ProfileRepository, name: str, value: Any
) -> None:
    """Campaigns read any path: its first part is compared whatever its name and its value are."""
    await profiles.put([a_profile(**{name: value})])
    other = ActiveCampaignsUpdate(PLAYER_ID, [], ["a"], {name: ["other"]})
    assert await profiles.update_active_campaigns([other]) == 0
    same = ActiveCampaignsUpdate(PLAYER_ID, [], ["a"], {name: value})
    assert await profiles.update_active_campaigns([same]) == 1


async def test_an_update_makes_no_profile(profiles: ProfileRepository) -> None:
    """An update of a player who is gone is dropped, the others of its batch are made."""
    await profiles.put([a_profile("one"), a_profile("two")])
    updates = [
        ActiveCampaignsUpdate("one", [], ["a"]),
        ActiveCampaignsUpdate("gone", [], ["a"]),
        ActiveCampaignsUpdate("gone too", None, ["a"]),
        ActiveCampaignsUpdate("two", ["other"], ["a"]),
    ]
    assert await profiles.update_active_campaigns(updates) == 1
    assert (await stored(profiles, "one"))["active_campaigns"] == ["a"]
    assert (await stored(profiles, "two"))["active_campaigns"] == []
    assert await profiles.get("gone") is None
    assert await profiles.get("gone too") is None


@pytest.mark.parametrize("player_id", ODD_IDS)
async def test_player_ids_are_just_text(profiles: ProfileRepository, player_id: str) -> None:
    """An id that looks like an operator or a pattern names one player and no other."""
    await profiles.put([a_profile("other")])
    assert await profiles.get(player_id) is None
    assert not await profiles.delete(player_id)
    updates = [ActiveCampaignsUpdate(player_id, [], [player_id])]
    assert await profiles.update_active_campaigns(updates) == 0
    assert await profiles.put([a_profile(player_id)]) == Written(created=1, replaced=0)
    assert await profiles.update_active_campaigns(updates) == 1
    assert await stored(profiles, player_id) == a_profile(player_id, active_campaigns=[player_id])
    assert await profiles.delete(player_id)
    assert await stored(profiles, "other") == a_profile("other", active_campaigns=[])


async def test_concurrent_writes_lose_nothing(profiles: ProfileRepository) -> None:
    """While a player is written again and again, every update that succeeds stays."""
    await profiles.put([a_profile(level=0)])
    succeeded: list[str] = []

    async def write(level: int) -> None:
        assert await profiles.put([a_profile(level=level)]) == Written(created=0, replaced=1)

    async def update(name: str) -> None:
        read = (await stored(profiles))["active_campaigns"]
        if await profiles.update_active_campaigns(
            [ActiveCampaignsUpdate(PLAYER_ID, read, [*read, name])]
        ):
            succeeded.append(name)

    for turn in range(20):
        writes = [write(turn + 1) for _ in range(3)]
        await asyncio.gather(*writes, *(update(f"{turn} {number}") for number in range(3)))
    document = await stored(profiles)
    assert sorted(document["active_campaigns"]) == sorted(succeeded)
    assert len(succeeded) >= 20
    assert document == a_profile(level=20, active_campaigns=document["active_campaigns"])


async def test_concurrent_first_writes_make_one_profile(profiles: ProfileRepository) -> None:
    """Of many who write one new player at once exactly one creates, the others replace."""
    for name in ("one", "two", "three"):
        written = await asyncio.gather(
            *(profiles.put([a_profile(name, level=level)]) for level in range(10))
        )
        assert sum(each.created for each in written) == 1
        assert sum(each.replaced for each in written) == 9
        assert await profiles.delete(name)
        assert await profiles.get(name) is None


async def test_can_be_reached(profiles: ProfileRepository) -> None:
    """A store that is there answers a ping, and is prepared as often as one likes."""
    await profiles.ping()
    assert await profiles.prepare() == []
