"""Overrides of players, in each store."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from foundation.errors import Conflict, Invalid, NotFound
from profile_service.profiles.repository import ActiveCampaignsUpdate, ProfileRepository, Written
from testbed.builders import NOW, PLAYER_ID, a_profile
from testbed.fakes import FakeClock
from tests.profile_service.profiles.stores import stored
from tests.profile_service.services import a_service

DAY = 86400.0


def text_of(instant: datetime) -> str:
    """Return an instant as it is stored."""
    return instant.isoformat().replace("+00:00", "Z")


async def test_an_override_is_stored_beside_all_else(profiles: ProfileRepository) -> None:
    """Who set it, when and until when is in the profile, and no other field is changed."""
    await profiles.put([a_profile(_own={"a": 1})])
    service = a_service(profiles)
    sent = {"state": "on", "variant": "B", "until": "2022-02-20T00:00:00+02:00"}
    override = await service.set_override(PLAYER_ID, "Fête d'été", sent, actor="anna")
    expected = {
        "campaign": "Fête d'été",
        "state": "on",
        "variant": "B",
        "until": "2022-02-19T22:00:00Z",
        "actor": "anna",
        "set_at": text_of(NOW),
    }
    assert override.model_dump(mode="json") == expected
    assert await stored(profiles) == a_profile(
        _own={"a": 1}, active_campaigns=[], overrides=[expected]
    )
    assert await service.overrides(PLAYER_ID) == [expected]


async def test_until_is_in_thirty_days_unless_it_is_named(profiles: ProfileRepository) -> None:
    """That is the longest, too; a later one, or one that has passed, is refused."""
    await profiles.put([a_profile()])
    service = a_service(profiles)
    longest = text_of(NOW + timedelta(days=30))
    default = await service.set_override(PLAYER_ID, "a", {"state": "off"}, actor="anna")
    assert text_of(default.until) == longest
    await service.set_override(PLAYER_ID, "b", {"state": "off", "until": longest}, actor="anna")
    for days in (timedelta(days=30, microseconds=1), timedelta(), timedelta(days=-1)):
        sent = {"state": "on", "until": text_of(NOW + days)}
        with pytest.raises(Invalid, match="until: must be in the future, and at most 30 days"):
            await service.set_override(PLAYER_ID, "c", sent, actor="anna")
    assert len(await service.overrides(PLAYER_ID)) == 2


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({}, "state: is required"),
        ({"state": "maybe"}, "state: must be 'on' or 'off'"),
        ({"state": "on", "variant": 1}, "variant"),
        ({"state": "on", "variant": "a/b"}, "variant"),
        ({"state": "off", "variant": "B"}, "variant goes with state 'on' only"),
        ({"state": "on", "until": "tomorrow"}, "until"),
        ({"state": "on", "actor": "me"}, "actor: is not known here"),
        ([], "must be a JSON object"),
    ],
)
async def test_a_wrong_override_is_refused(
    profiles: ProfileRepository, sent: Any, named: str
) -> None:
    """The field is named, and nothing is stored."""
    await profiles.put([a_profile()])
    with pytest.raises(Invalid) as refused:
        await a_service(profiles).set_override(PLAYER_ID, "a", sent, actor="anna")
    assert named in str(refused.value)
    assert "overrides" not in await stored(profiles)


async def test_no_profile_is_made(profiles: ProfileRepository) -> None:
    """An override of a player who is not stored is refused."""
    service = a_service(profiles)
    with pytest.raises(NotFound, match="Profile not found"):
        await service.set_override("nobody", "a", {"state": "on"}, actor="anna")
    with pytest.raises(NotFound, match="Profile not found"):
        await service.remove_override("nobody", "a")
    with pytest.raises(NotFound, match="Profile not found"):
        await service.overrides("nobody")
    assert await profiles.get("nobody") is None


async def test_the_last_override_leaves_nothing(profiles: ProfileRepository) -> None:
    """Once they are removed the profile is as before; one that is not there is not found."""
    await profiles.put([a_profile()])
    before = await stored(profiles)
    service = a_service(profiles)
    for campaign in ("a", "b"):
        await service.set_override(PLAYER_ID, campaign, {"state": "on"}, actor="anna")
    await service.remove_override(PLAYER_ID, "a")
    assert [each["campaign"] for each in await service.overrides(PLAYER_ID)] == ["b"]
    with pytest.raises(NotFound, match="no override of this campaign"):
        await service.remove_override(PLAYER_ID, "a")
    await service.remove_override(PLAYER_ID, "b")
    assert await stored(profiles) == before


async def test_there_is_one_override_a_campaign(profiles: ProfileRepository) -> None:
    """A second one takes the place of the first."""
    await profiles.put([a_profile()])
    service = a_service(profiles)
    await service.set_override(PLAYER_ID, "a", {"state": "on", "variant": "B"}, actor="anna")
    await service.set_override(PLAYER_ID, "a", {"state": "off"}, actor="bert")
    [only] = (await stored(profiles))["overrides"]
    assert (only["state"], only["actor"], "variant" in only) == ("off", "bert", False)


async def test_what_has_ended_is_dropped_by_the_next_write(profiles: ProfileRepository) -> None:
    """And is not shown from its end on."""
    await profiles.put([a_profile()])
    clock = FakeClock()
    service = a_service(profiles, clock=clock)
    until = text_of(NOW + timedelta(days=1))
    await service.set_override(PLAYER_ID, "a", {"state": "on", "until": until}, actor="anna")
    clock.advance(DAY)
    assert await service.overrides(PLAYER_ID) == []
    assert len((await stored(profiles))["overrides"]) == 1
    await service.set_override(PLAYER_ID, "b", {"state": "on"}, actor="anna")
    assert [each["campaign"] for each in (await stored(profiles))["overrides"]] == ["b"]


async def test_a_player_has_a_hundred_overrides_at_most(profiles: ProfileRepository) -> None:
    """One more is refused and says so; one of them can still be changed, or end."""
    await profiles.put([a_profile()])
    clock = FakeClock()
    service = a_service(profiles, clock=clock)
    for number in range(100):
        await service.set_override(PLAYER_ID, f"{number}", {"state": "on"}, actor="anna")
    with pytest.raises(Conflict, match="100 overrides"):
        await service.set_override(PLAYER_ID, "more", {"state": "on"}, actor="anna")
    await service.set_override(PLAYER_ID, "7", {"state": "off"}, actor="anna")
    clock.advance(30 * DAY)
    await service.set_override(PLAYER_ID, "more", {"state": "on"}, actor="anna")
    assert len((await stored(profiles))["overrides"]) == 1


async def test_a_write_of_the_profile_keeps_them(profiles: ProfileRepository) -> None:
    """Whole, under a condition, or many at once; and an update of active_campaigns does."""
    await profiles.put([a_profile()])
    service = a_service(profiles)
    await service.set_override(PLAYER_ID, "a", {"state": "on"}, actor="anna")
    kept = (await stored(profiles))["overrides"]
    sent = a_profile(level=7, overrides=[], lists=["mine"])
    assert await profiles.put([sent, a_profile("other")]) == Written(created=1, replaced=1)
    assert (await profiles.put_if(sent, lambda _: None)).replaced == 1
    update = ActiveCampaignsUpdate(PLAYER_ID, [], ["x"], {"overrides": kept, "lists": None})
    assert await profiles.update_active_campaigns([update]) == 1
    assert await stored(profiles) == a_profile(level=7, active_campaigns=["x"], overrides=kept)


async def test_an_update_decided_on_other_overrides_is_dropped(
    profiles: ProfileRepository,
) -> None:
    """What a tester's answer follows from is compared, wherever the store keeps it."""
    await profiles.put([a_profile()])
    await a_service(profiles).set_override(PLAYER_ID, "a", {"state": "on"}, actor="anna")
    update = ActiveCampaignsUpdate(PLAYER_ID, [], ["x"], {"overrides": None})
    assert await profiles.update_active_campaigns([update]) == 0


async def test_concurrent_changes_lose_nothing(profiles: ProfileRepository) -> None:
    """While the profile is written again and again, every override that was set stays."""
    await profiles.put([a_profile(level=0)])
    service = a_service(profiles)
    campaigns = [f"{turn} {number}" for turn in range(8) for number in range(4)]
    for turn in range(8):
        await asyncio.gather(
            profiles.put([a_profile(level=turn)]),
            *(
                service.set_override(PLAYER_ID, campaign, {"state": "on"}, actor="anna")
                for campaign in campaigns[4 * turn : 4 * turn + 4]
            ),
        )
    held = await service.overrides(PLAYER_ID)
    assert sorted(each["campaign"] for each in held) == sorted(campaigns)
    assert (await stored(profiles))["level"] == 7
