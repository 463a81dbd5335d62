"""Changing player lists by ids, as they come: in pieces of any size."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.draining import Draining
from foundation.errors import BrokenOff, Conflict, ServiceError, Unavailable
from profile_service.lines import MAX_ERRORS, LineError
from profile_service.list_changes import (
    MAX_UNKNOWN_NAMED,
    ListReport,
    Mode,
    change_list,
    empty_list,
)
from profile_service.profiles.lists import BATCH_PLAYERS, ListChange, PlayerLists
from profile_service.profiles.repository import ProfileRepository, ProfilesUnavailable
from testbed.builders import a_profile
from testbed.fakes import InMemoryProfiles


def ndjson(player_ids: Iterable[Any]) -> bytes:
    """Return a body of JSON texts, or of whatever else is given."""
    return b"".join(orjson.dumps(each) + b"\n" for each in player_ids)


async def in_pieces(
    body: bytes, size: int = 65536, failure: ServiceError | None = None
) -> AsyncIterator[bytes]:
    """Return a body as it comes over the network, and breaks off."""
    for start in range(0, len(body), size):
        yield body[start : start + size]
    if failure is not None:
        raise failure


async def changed(
    lists: PlayerLists,
    body: bytes,
    mode: Mode = Mode.ADD,
    *,
    as_csv: bool = False,
    report: ListReport | None = None,
    failure: ServiceError | None = None,
    size: int = 65536,
) -> ListReport:
    """Change the list "vip" by a body, and return the report."""
    report = report or ListReport()
    chunks = in_pieces(body, size, failure)
    await change_list(lists, "vip", mode, chunks, report, as_csv=as_csv, stopping=Draining())
    return report


def some_profiles(
    player_ids: Iterable[str], *, members: Collection[str] = (), kind: Any = InMemoryProfiles
) -> InMemoryProfiles:
    """Return profiles of which some are in "vip", after "other"."""
    profiles: InMemoryProfiles = kind(
        *(
            a_profile(each, lists=["other", "vip"] if each in members else ["other"])
            for each in player_ids
        )
    )
    return profiles


def members(profiles: InMemoryProfiles, name: str = "vip") -> str:
    """Return who is in a list."""
    found = (each for each, held in profiles.documents.items() if name in held.get("lists", ()))
    return "".join(sorted(found))


@pytest.mark.parametrize(
    ("mode", "expected", "after"),
    [
        (Mode.ADD, {"added": 1, "unchanged": 2}, "abc"),
        (Mode.REMOVE, {"removed": 1, "unchanged": 2}, "a"),
        (Mode.REPLACE, {"added": 1, "unchanged": 2, "removed": 1}, "bc"),
    ],
)
async def test_each_mode(mode: Mode, expected: dict[str, Any], after: str) -> None:
    """Players are counted by what became of them, and those unknown are named, not created."""
    profiles = some_profiles("abcd", members="ab")
    report = await changed(profiles.lists, ndjson(["b", "c", "x", "b"]), mode)
    assert report == ListReport(received=4, unknown=1, unknown_ids=["x"], **expected)
    assert (members(profiles), members(profiles, "other")) == (after, "abcd")
    assert profiles.documents.keys() == {*"abcd"}
    assert not profiles.lists.named


async def test_lines_of_ndjson() -> None:
    """A text, or an object of which the id counts; ids are normalised."""
    profiles = some_profiles(["a", "b", "Zo\u00eb"])
    lines = ["a", {"player_id": "b", "level": 3, "x": None}, "Zoe\u0308"]
    body = b"\xef\xbb\xbf" + ndjson(lines).replace(b"\n", b"\r\n\n")
    report = await changed(profiles.lists, body[:-3])
    assert report == ListReport(received=3, added=3)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"alice", "is not valid JSON"),
        (b"7", "must be a player id as JSON text"),
        (b"null", "must be a player id as JSON text"),
        (b'["a"]', "must be a player id as JSON text"),
        (b"{}", "must be a player id as JSON text"),
        (b'{"player_id": ["a"]}', "must be a player id as JSON text"),
        (b'"a/b"', "player_id: must be 1 to 128 printable characters"),
        (b'""', "player_id: must be 1 to 128 printable characters"),
        (b'"\\ud800"', "is not valid JSON"),
        (b"\xff", "is not valid JSON"),
        (b'"' + b"x" * 2_000_000 + b'"', "a line must not be over 1048576 bytes"),
    ],
)
async def test_a_wrong_line_is_refused_by_itself(line: bytes, named: str) -> None:
    """It is named by its number, and the others count."""
    profiles = some_profiles("ab")
    report = await changed(profiles.lists, ndjson("a") + b"\n" + line + b"\n" + ndjson("b"))
    assert (report.received, report.added, report.failed) == (3, 2, 1)
    [error] = report.errors
    assert error.line == 3
    assert named in error.detail
    assert members(profiles) == "ab"


@pytest.mark.parametrize(
    "body",
    [
        b"a\nb\n",
        b"\xef\xbb\xbfplayer_id,level\r\na,3\r\n\r\nb,4",
        b'"player_id"\n"a"\n"b"',
        b'\n player_id \na , x\nb,"a, b"\n',
    ],
)
async def test_lines_of_csv(body: bytes) -> None:
    """The first column counts, with a header or without."""
    profiles = some_profiles("ab")
    report = await changed(profiles.lists, body, as_csv=True)
    assert report == ListReport(received=2, added=2)


async def test_odd_lines_of_csv() -> None:
    """Ids may hold what CSV quotes; only the first line is a header."""
    ids = ['say "hi"', "a, b", "a;b", "player_id"]
    profiles = some_profiles(ids)
    body = b'"say ""hi""",1\n"a, b"\na;b\nplayer_id\n,a\n\xff\n"' + b"x" * 200_000 + b'"\n'
    report = await changed(profiles.lists, body, as_csv=True)
    assert (report.received, report.added, report.failed) == (7, 4, 3)
    assert [error.line for error in report.errors] == [5, 6, 7]
    assert "is not UTF-8" in report.errors[1].detail


async def test_the_first_hundred_are_named() -> None:
    """Of those unknown, and of the wrong lines; the rest is counted."""
    body = ndjson(f"{number}" for number in range(150)) + b"{}\n" * 150
    report = await changed(InMemoryProfiles().lists, body)
    assert report.unknown_ids == [f"{number}" for number in range(MAX_UNKNOWN_NAMED)]
    assert (report.unknown, report.failed, len(report.errors)) == (150, 150, MAX_ERRORS)


async def test_a_player_in_a_thousand_lists_is_refused() -> None:
    """By each of the lines that name it."""
    profiles = some_profiles("ab")
    profiles.documents["a"]["lists"] = [f"{number}" for number in range(1000)]
    report = await changed(profiles.lists, ndjson("aba"))
    assert (report.received, report.added, report.unchanged, report.failed) == (3, 1, 0, 2)
    full = "the player is in 1000 lists, and may be in no more"
    assert report.errors == [LineError(1, full), LineError(3, full)]


@pytest.mark.parametrize("body", [b"", b"\n", ndjson("xy"), b"nonsense\n"])
async def test_a_replacement_that_names_nobody_removes_nobody(body: bytes) -> None:
    """An empty file, or one of another game, is a mistake; DELETE is for emptying a list."""
    profiles = some_profiles("ab", members="ab")
    with pytest.raises(Conflict, match="no stored player is named"):
        await changed(profiles.lists, body, Mode.REPLACE)
    assert members(profiles) == "ab"
    assert not profiles.lists.named


@pytest.mark.parametrize("mode", Mode)
async def test_a_body_that_breaks_off(mode: Mode) -> None:
    """What arrived whole counts, and a replacement removes nobody."""
    profiles = some_profiles("abc", members="ab")
    report = ListReport()
    with pytest.raises(BrokenOff):
        await changed(
            profiles.lists, ndjson("bc") + b'"a', mode, report=report, failure=BrokenOff("it did")
        )
    assert members(profiles) == {"add": "abc", "remove": "a", "replace": "abc"}[mode]
    assert (report.received, report.reached) == (2, 2)
    assert not profiles.lists.named


async def test_a_list_is_emptied() -> None:
    """In batches; the other lists of its players stay."""
    ids = [f"{number}" for number in range(BATCH_PLAYERS + 1)]
    profiles = some_profiles(ids, members=ids[1:])
    assert await empty_list(profiles.lists, "vip", Draining()) == BATCH_PLAYERS
    assert await empty_list(profiles.lists, "vip", Draining()) == 0
    assert await profiles.lists.count("other") == len(ids)


async def test_a_stop_ends_it_between_two_batches() -> None:
    """The process can end, and what is left is done by the next attempt."""
    profiles = some_profiles("abc", members="ab")
    stopping = Draining()
    stopping.started = True
    with pytest.raises(Unavailable, match="the service is stopping"):
        await empty_list(profiles.lists, "vip", stopping)
    assert members(profiles) == "ab"


async def test_another_replacement_ends_it() -> None:
    """The earlier of two is told, and removes nobody from then on."""
    profiles = some_profiles("abc", members="ab")

    async def interrupted() -> AsyncIterator[bytes]:
        yield ndjson("a")
        await changed(profiles.lists, ndjson("c"), Mode.REPLACE)

    with pytest.raises(Conflict, match="another replacement of this list has begun since"):
        await change_list(
            profiles.lists,
            "vip",
            Mode.REPLACE,
            interrupted(),
            ListReport(),
            as_csv=False,
            stopping=Draining(),
        )
    assert members(profiles) == "ac"


class Watched:
    """PlayerLists that fail at the call of a number, and have somebody look after each write."""

    def __init__(
        self, lists: PlayerLists, *, failing: int | None, look: Callable[[], None]
    ) -> None:
        self.calls = 0
        self.batches: list[int] = []
        self._lists = lists
        self._failing = failing
        self._look = look

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._lists, name)
        if name == "members":
            return method

        async def call(*args: Any) -> Any:
            self.calls += 1
            if self._failing == self.calls:
                raise ProfilesUnavailable("the test has switched it off")
            self.batches += [len(each) for each in args if not isinstance(each, str)]
            result = await method(*args)
            self._look()
            return result

        return call


@pytest.mark.parametrize("failing", [None, *range(1, 20)])
async def test_nobody_who_stays_is_ever_out(failing: int | None) -> None:
    """While a list is replaced, wherever that breaks off; the next attempt completes it."""
    old = {f"{number}" for number in range(3 * BATCH_PLAYERS)}
    new = {f"{number}" for number in range(BATCH_PLAYERS, 4 * BATCH_PLAYERS)}
    profiles = some_profiles(old | new, members=old)

    def members_now() -> set[str]:
        return {each for each, held in profiles.documents.items() if "vip" in held["lists"]}

    def look() -> None:
        # All who stay are in, and all of the new ones before any of the old ones is out.
        now = members_now()
        assert now >= old & new
        assert now >= old or now >= new

    watched: Any = Watched(profiles.lists, failing=failing, look=look)
    try:
        report = await changed(watched, ndjson(sorted(new)), Mode.REPLACE)
    except Unavailable:
        assert failing is not None
        look()
        report = await changed(profiles.lists, ndjson(sorted(new)), Mode.REPLACE)
    assert max(watched.batches, default=0) <= BATCH_PLAYERS
    assert members_now() == new
    assert (report.received, report.unknown, report.failed) == (len(new), 0, 0)
    assert watched.calls < 20
    assert len(profiles.lists.named) <= 1


@given(
    mode=st.sampled_from(Mode),
    before=st.sets(st.sampled_from("abcd")),
    named=st.lists(st.sampled_from("abcdxy") | st.none() | st.just("a/b"), max_size=12),
    size=st.integers(1, 40),
    as_csv=st.booleans(),
)
async def test_any_change(
    *, mode: Mode, before: set[str], named: list[str | None], size: int, as_csv: bool
) -> None:
    """Cut anywhere, in either form, the same players are in, and every line is counted once."""
    profiles = some_profiles("abcd", members=before)
    body = ndjson(named) if not as_csv else "".join(f"{each or ''},x\n" for each in named).encode()
    known = {each for each in named if each is not None and each in "abcd"}
    after = {"add": before | known, "remove": before - known, "replace": known}[mode]
    report = ListReport()
    try:
        await changed(profiles.lists, body, mode, as_csv=as_csv, size=size, report=report)
    except Conflict:
        assert mode is Mode.REPLACE
        assert not known
        after = before
    assert members(profiles) == "".join(sorted(after))
    by_lines = report.added if mode is Mode.REPLACE else report.added + report.removed
    assert report.received == by_lines + report.unchanged + report.unknown + report.failed
    assert report.received == len(named)
    assert len(after - before) == report.added
    assert len(before - after) == report.removed


async def test_a_list_is_replaced_in_each_store(profiles: ProfileRepository) -> None:
    """And changed, and emptied."""
    await profiles.put([a_profile(each) for each in "abcd"])
    lists = profiles.lists
    assert await changed(lists, ndjson("abx")) == ListReport(
        received=3, added=2, unknown=1, unknown_ids=["x"]
    )
    assert await changed(lists, ndjson("bcdy"), Mode.REPLACE) == ListReport(
        received=4, added=2, unchanged=1, removed=1, unknown=1, unknown_ids=["y"]
    )
    assert await changed(lists, ndjson("da"), Mode.REMOVE) == ListReport(
        received=2, removed=1, unchanged=1
    )
    assert await lists.count("vip") == 2
    assert await lists.add("vip", ["b"]) == ListChange(0)
    assert await empty_list(lists, "vip", Draining()) == 2
    assert "lists" not in (await profiles.get("b") or {})
