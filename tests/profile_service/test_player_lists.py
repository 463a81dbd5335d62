"""What every PlayerLists keeps to: MongoDB over both drivers, and SQLite."""

import pytest

from profile_service.profiles.lists import BATCH_PLAYERS, ListChange, ReplacementEnded
from profile_service.profiles.repository import ProfileRepository, Written
from testbed.builders import a_profile
from tests.profile_service.profiles.stores import stored

# They look like operators, field paths or patterns to a store that takes them for more than text.
ODD_NAMES = ("$vip", "a.b", "$$ROOT", "%", "' OR 1=1 --", ".*", "null", "Fête d'été", "0")


async def lists_of(profiles: ProfileRepository, *player_ids: str) -> list[object]:
    """Return what each player has in `lists`."""
    return [(await stored(profiles, each)).get("lists") for each in player_ids]


async def members(profiles: ProfileRepository, name: str) -> list[str]:
    """Return who is in a list."""
    return sorted([each async for batch in profiles.lists.members(name) for each in batch])


async def test_players_are_added_and_removed(profiles: ProfileRepository) -> None:
    """Those that there are, once each; nobody is created, and no other field is changed."""
    lists = profiles.lists
    await profiles.put([a_profile(each, _own={"a": 1}) for each in "abc"])
    before = await stored(profiles, "c")
    assert await lists.add("vip", ["a", "b", "x"]) == ListChange(2, frozenset("x"))
    assert await lists.add("vip", ["b", "c"]) == ListChange(1)
    assert await lists.add("new", ["c", "y"]) == ListChange(1, frozenset("y"))
    assert await lists_of(profiles, *"abc") == [["vip"], ["vip"], ["vip", "new"]]
    assert await lists.remove("vip", ["c", "a", "x"]) == ListChange(2, frozenset("x"))
    assert await lists.remove("vip", ["c", "a"]) == ListChange(0)
    assert await lists_of(profiles, *"abc") == [None, ["vip"], ["new"]]
    assert await lists.remove("new", ["c"]) == ListChange(1)
    assert await stored(profiles, "c") == before
    assert await profiles.get("x") is None


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_names_are_just_text(profiles: ProfileRepository, name: str) -> None:
    """A name that looks like an operator or a path names one list and no other."""
    lists = profiles.lists
    await profiles.put([a_profile(each) for each in "ab"])
    await lists.add("other", ["a", "b"])
    assert await lists.add(name, ["a"]) == ListChange(1)
    assert await lists_of(profiles, *"ab") == [["other", name], ["other"]]
    assert (await lists.count(name), await members(profiles, name)) == (1, ["a"])
    replacement = await lists.begin_replacement(name)
    await lists.note_named(replacement, ["a"])
    assert await lists.unnamed(replacement, ["a", "b"]) == ["b"]
    await lists.end_replacement(name, replacement)
    assert await lists.remove(name, ["a", "b"]) == ListChange(1)
    assert await members(profiles, "other") == ["a", "b"]


async def test_members_come_in_batches(profiles: ProfileRepository) -> None:
    """All of them, also while those that have come are removed."""
    lists = profiles.lists
    ids = [f"player {number}" for number in range(2 * BATCH_PLAYERS + 1)]
    for start in range(0, len(ids), BATCH_PLAYERS):
        batch = ids[start : start + BATCH_PLAYERS]
        await profiles.put([a_profile(each) for each in batch])
        await lists.add("vip", batch)
    assert await lists.count("vip") == len(ids)
    seen: list[str] = []
    async for batch in lists.members("vip"):
        assert 0 < len(batch) <= BATCH_PLAYERS
        assert (await lists.remove("vip", batch)).changed == len(batch)
        seen += batch
    assert sorted(seen) == sorted(ids)
    assert await lists.count("vip") == 0
    assert await members(profiles, "nobody's") == []


async def test_a_replacement_knows_whom_it_names(profiles: ProfileRepository) -> None:
    """In as many batches as one likes, a player in two of them."""
    lists = profiles.lists
    replacement = await lists.begin_replacement("vip")
    await lists.note_named(replacement, ["a", "b"])
    await lists.note_named(replacement, ["b", "c"])
    await lists.note_named(replacement, [])
    assert await lists.unnamed(replacement, ["x", "a", "b", "c", "y"]) == ["x", "y"]
    assert await lists.unnamed(replacement, []) == []
    await lists.end_replacement("vip", replacement)
    with pytest.raises(ReplacementEnded):
        await lists.unnamed(replacement, ["a"])


async def test_a_later_replacement_ends_an_earlier_one(profiles: ProfileRepository) -> None:
    """Of the same list: the earlier one learns of it, and does not take those of the later."""
    lists = profiles.lists
    earlier = await lists.begin_replacement("vip")
    other = await lists.begin_replacement("other")
    await lists.note_named(earlier, ["a"])
    later = await lists.begin_replacement("vip")
    for _ in range(2):
        with pytest.raises(ReplacementEnded):
            await lists.note_named(earlier, ["b"])
        with pytest.raises(ReplacementEnded):
            await lists.unnamed(earlier, ["b"])
    await lists.end_replacement("vip", earlier)
    await lists.note_named(later, ["c"])
    await lists.note_named(other, ["d"])
    assert await lists.unnamed(later, ["a", "b", "c", "d"]) == ["a", "b", "d"]
    newest = await lists.begin_replacement("vip")
    with pytest.raises(ReplacementEnded):
        await lists.unnamed(later, [])
    assert await lists.unnamed(newest, []) == []


async def test_a_write_of_the_profile_keeps_the_lists(profiles: ProfileRepository) -> None:
    """In the order in which the player has come into them."""
    await profiles.put([a_profile("a")])
    for name in ("vip", "beta"):
        await profiles.lists.add(name, ["a"])
    sent = a_profile("a", level=9, lists=["mine"])
    assert await profiles.put([sent]) == Written(created=0, replaced=1)
    assert (await profiles.put_if(sent, lambda _: None)).replaced == 1
    assert await stored(profiles, "a") == a_profile(
        "a", level=9, active_campaigns=[], lists=["vip", "beta"]
    )


async def test_it_is_prepared_as_often_as_one_likes(profiles: ProfileRepository) -> None:
    """The index, or the tables, may be there already."""
    await profiles.lists.prepare()
    await profiles.lists.prepare()
