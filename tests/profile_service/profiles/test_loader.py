"""Loading profiles in batches."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_service.profiles import loader as loading
from profile_service.profiles.loader import MAX_BATCH, MAX_WAITING, SECOND_QUERY_IDS, ProfileLoader
from profile_service.profiles.repository import (
    ProfileDocument,
    ProfilesClosed,
    ProfilesUnavailable,
    ProfileUnreadable,
)
from testbed.builders import a_profile
from testbed.fakes import InMemoryProfiles
from tests.simulated_time import settle, simulated


class SlowProfiles(InMemoryProfiles):
    """Profiles whose queries take `seconds`, and of which some cannot be read.

    `asked` are the ids of each query, `most_on_their_way` how many there were at a time.
    """

    def __init__(self, *profiles: ProfileDocument, seconds: float = 0.001) -> None:
        super().__init__(*profiles)
        self.seconds = seconds
        self.unreadable: set[str] = set()
        self.broken: BaseException | None = None
        self.asked: list[list[str]] = []
        self.on_their_way = 0
        self.most_on_their_way = 0

    async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
        self.asked.append([*player_ids])
        self.on_their_way += 1
        self.most_on_their_way = max(self.most_on_their_way, self.on_their_way)
        unavailable, broken = self.unavailable, self.broken
        try:
            # What is answered is what is stored when the query leaves, or later.
            found = await super().get_many(player_ids)
            await asyncio.sleep(self.seconds)
        finally:
            self.on_their_way -= 1
        if broken is not None:
            raise broken
        if unavailable:
            raise ProfilesUnavailable("it went away meanwhile")
        unreadable = self.unreadable & {*player_ids}
        if unreadable:
            others = {each: found[each] for each in found.keys() - unreadable}
            raise ProfileUnreadable("a test", frozenset(unreadable), others)
        return found


def players(count: int) -> list[str]:
    """Return so many player ids."""
    return [f"player {number}" for number in range(count)]


def profiles_of(player_ids: Sequence[str], *, seconds: float = 0.001) -> SlowProfiles:
    """Return a repository that has a profile for each of them."""
    return SlowProfiles(*map(a_profile, player_ids), seconds=seconds)


@asynccontextmanager
async def loading_from(profiles: SlowProfiles) -> AsyncIterator[ProfileLoader]:
    """Yield a loader; no request waits for it in the end."""
    loader = ProfileLoader(profiles)
    try:
        yield loader
        assert loader.waiting == 0
    finally:
        await loader.close()


def ask(loader: ProfileLoader, *player_ids: str) -> "list[asyncio.Task[ProfileDocument | None]]":
    """Ask for each of them, as so many requests at the same time do."""
    return [asyncio.create_task(loader.load(player_id)) for player_id in player_ids]


async def ids_of(tasks: "list[asyncio.Task[ProfileDocument | None]]") -> list[str | None]:
    """Return the ids of the profiles that came."""
    return [profile["player_id"] if profile else None for profile in await asyncio.gather(*tasks)]


@simulated
async def test_a_lone_id_leaves_at_once() -> None:
    """An idle service makes nobody wait for company."""
    profiles = profiles_of(["one"], seconds=0.0)
    async with loading_from(profiles) as loader:
        began = asyncio.get_running_loop().time()
        assert await loader.load("one") == a_profile("one")
        assert await loader.load("nobody") is None
        assert asyncio.get_running_loop().time() - began < 0.001
    assert profiles.asked == [["one"], ["nobody"]]


@simulated
async def test_what_comes_meanwhile_is_asked_together() -> None:
    """While a query is on its way ids are gathered, each once, and the next takes them all."""
    profiles = profiles_of(["one", "two", "three"])
    async with loading_from(profiles) as loader:
        first = ask(loader, "one")
        await asyncio.sleep(0.0005)
        others = ask(loader, "two", "three", "two", "nobody", "two")
        assert await ids_of(first) == ["one"]
        assert await ids_of(others) == ["two", "three", "two", None, "two"]
    assert profiles.asked == [["one"], ["two", "three", "nobody"]]


@simulated
async def test_requests_of_one_moment_are_one_query() -> None:
    """Those who ask at the same time share the first query."""
    profiles = profiles_of(players(100))
    async with loading_from(profiles) as loader:
        assert await ids_of(ask(loader, *players(100))) == players(100)
    assert [len(asked) for asked in profiles.asked] == [100]


@simulated
async def test_everybody_sees_what_was_written_before_they_asked() -> None:
    """An id whose query is on its way waits for the next one."""
    profiles = profiles_of(["one"])
    async with loading_from(profiles) as loader:
        early = ask(loader, "one")
        await asyncio.sleep(0.0005)
        await profiles.put([a_profile("one", level=9)])
        late = await loader.load("one")
        assert late is not None
        assert late["level"] == 9
        await asyncio.gather(*early)
    assert profiles.asked == [["one"], ["one"]]


@simulated
async def test_a_second_query_leaves_when_many_wait() -> None:
    """32 ids do not wait for a query that takes its time, 31 do, and there is never a third."""
    profiles = profiles_of(players(300), seconds=0.004)
    async with loading_from(profiles) as loader:
        tasks = ask(loader, "player 299")
        await settle()
        tasks += ask(loader, *players(SECOND_QUERY_IDS - 1))
        await settle()
        assert profiles.most_on_their_way == 1
        tasks += ask(loader, "player 200")
        await settle()
        assert profiles.most_on_their_way == 2
        tasks += ask(loader, *players(200))
        await asyncio.gather(*tasks)
    assert profiles.most_on_their_way == 2
    assert [len(asked) for asked in profiles.asked] == [1, SECOND_QUERY_IDS, 200]


@simulated
async def test_a_second_query_leaves_when_one_waits_long() -> None:
    """After 5 ms an id does not wait for a query that hangs any longer."""
    profiles = profiles_of(["slow", "quick", "late"], seconds=1.0)
    loop = asyncio.get_running_loop()
    async with loading_from(profiles) as loader:
        slow = ask(loader, "slow")
        await settle()
        profiles.seconds = 0.0
        began = loop.time()
        assert await ids_of(ask(loader, "quick")) == ["quick"]
        assert 0.005 <= loop.time() - began < 0.006
        began = loop.time()
        assert await ids_of(ask(loader, "late")) == ["late"]
        assert 0.005 <= loop.time() - began < 0.006
        assert await ids_of(slow) == ["slow"]


@simulated
async def test_a_query_asks_for_256_at_most() -> None:
    """Who waits longest goes first."""
    count = 2 * MAX_BATCH + 10
    profiles = profiles_of(players(count))
    async with loading_from(profiles) as loader:
        assert await ids_of(ask(loader, *players(count))) == players(count)
    assert [len(asked) for asked in profiles.asked] == [MAX_BATCH, MAX_BATCH, 10]
    assert profiles.most_on_their_way == loading.MAX_QUERIES
    assert [each for asked in profiles.asked for each in asked] == players(count)


@simulated
async def test_an_error_reaches_its_own_batch_only() -> None:
    """Those of the batch that failed are told so, each by an error of their own."""
    profiles = profiles_of(players(5))
    async with loading_from(profiles) as loader:
        profiles.unavailable = True
        failing = ask(loader, "player 0", "player 1", "player 1")
        await asyncio.sleep(0.0005)
        profiles.unavailable = False
        assert await ids_of(ask(loader, "player 1", "player 2")) == ["player 1", "player 2"]
        errors = await asyncio.gather(*failing, return_exceptions=True)
    assert [type(error) for error in errors] == [ProfilesUnavailable] * 3
    assert len({*map(id, errors)}) == 3


@simulated
async def test_one_that_cannot_be_read_spoils_no_other() -> None:
    """The others of its batch are answered by the same query."""
    profiles = profiles_of(players(4))
    profiles.unreadable = {"player 2"}
    async with loading_from(profiles) as loader:
        found = await asyncio.gather(*ask(loader, *players(4), "nobody"), return_exceptions=True)
    assert [isinstance(each, ProfileUnreadable) for each in found] == [
        False, False, True, False, False,
    ]  # fmt: skip
    assert [found[0], found[1], found[3], found[4]] == [
        *(a_profile(f"player {number}") for number in (0, 1, 3)),
        None,
    ]
    assert profiles.asked == [[*players(4), "nobody"]]


@simulated
async def test_a_profile_known_to_be_unreadable_is_asked_for_apart() -> None:
    """Until it can be read again: the others' query does not have to be made twice."""
    profiles = profiles_of(players(4))
    profiles.unreadable = {"player 2"}
    async with loading_from(profiles) as loader:
        await asyncio.gather(*ask(loader, *players(4)), return_exceptions=True)
        profiles.asked.clear()
        await asyncio.gather(*ask(loader, *players(4)), return_exceptions=True)
        assert profiles.asked == [["player 0", "player 1", "player 3"], ["player 2"]]
        profiles.unreadable = set()
        assert await loader.load("player 2") == a_profile("player 2")
        profiles.asked.clear()
        assert await ids_of(ask(loader, *players(4))) == players(4)
        assert profiles.asked == [players(4)]


@simulated
async def test_a_batch_of_which_nothing_is_known_fails_as_a_whole() -> None:
    """No request is told that there is no profile where there may be one."""

    class Vague(InMemoryProfiles):
        async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
            raise ProfileUnreadable(f"one of {len(player_ids)}")

    loader = ProfileLoader(Vague())
    found = await asyncio.gather(*ask(loader, *players(2)), return_exceptions=True)
    assert [type(each) for each in found] == [ProfileUnreadable] * 2
    await loader.close()


@simulated
async def test_unreadable_profiles_take_no_time_from_others() -> None:
    """However many requests ask for them, each query still serves a whole batch."""
    profiles = profiles_of(players(50), seconds=0.1)
    profiles.unreadable = {*players(25)}
    async with loading_from(profiles) as loader:
        began = asyncio.get_running_loop().time()
        found = await asyncio.gather(*ask(loader, *players(50)), return_exceptions=True)
        assert asyncio.get_running_loop().time() - began < 0.15
        assert [isinstance(each, ProfileUnreadable) for each in found] == [True] * 25 + [False] * 25
        assert len(profiles.asked) == 1


@simulated
async def test_who_leaves_disturbs_nobody() -> None:
    """A request that is cancelled takes its own wait away, whenever that is."""
    profiles = profiles_of(["one", "two", "three"])
    async with loading_from(profiles) as loader:
        asked = ask(loader, "one", "one")
        await asyncio.sleep(0.0005)
        gathered = ask(loader, "two", "two", "three")
        await asyncio.sleep(0)
        for task in (asked[0], gathered[0], gathered[2]):
            task.cancel()
        assert await ids_of([asked[1], gathered[1]]) == ["one", "two"]
        assert loader.waiting == 0
    assert profiles.asked == [["one"], ["two"]]


@simulated
async def test_who_leaves_as_the_answer_comes_leaves_no_trace() -> None:
    """Neither an answer nor an error that nobody fetches is reported."""
    profiles = profiles_of(["one"], seconds=0.0)
    loop = asyncio.get_running_loop()
    reported: list[Any] = []
    loop.set_exception_handler(lambda _, context: reported.append(context))
    async with loading_from(profiles) as loader:
        profiles.unavailable = True
        tasks = ask(loader, *["one"] * 5)
        for _ in range(20):
            if profiles.asked and not profiles.on_their_way:
                break
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    del tasks
    assert reported == []


@simulated
async def test_nobody_waits_past_the_limit() -> None:
    """While nothing answers, each is told within 2 s of its own arrival, and never hangs."""
    profiles = profiles_of(players(4))
    profiles.hanging = True
    loop = asyncio.get_running_loop()

    async def waits(loader: ProfileLoader, player_id: str) -> float:
        began = loop.time()
        with pytest.raises(ProfilesUnavailable):
            await loader.load(player_id)
        return loop.time() - began

    async with loading_from(profiles) as loader:
        waiting = []
        for _ in range(20):
            waiting += [asyncio.create_task(waits(loader, player_id)) for player_id in players(4)]
            await asyncio.sleep(0.3)
        assert max(await asyncio.gather(*waiting)) < 2.0
        assert profiles.most_on_their_way <= loading.MAX_QUERIES
        profiles.hanging = False
        assert await loader.load("player 1") == a_profile("player 1")


@simulated
async def test_one_too_many_is_told_at_once() -> None:
    """10,000 may wait; who comes then is refused and counted, and those who wait are served."""
    profiles = profiles_of(["one"])
    async with loading_from(profiles) as loader:
        tasks = ask(loader, *["one"] * MAX_WAITING)
        await asyncio.sleep(0)
        assert loader.waiting == MAX_WAITING
        with pytest.raises(ProfilesUnavailable):
            await loader.load("one")
        assert loader.refused == 1
        await asyncio.gather(*tasks)
        assert await loader.load("one") == a_profile("one")


@simulated
async def test_an_error_of_any_kind_leaves_nobody_waiting() -> None:
    """Whatever a query ends with, those who wait are told at once and the next one leaves."""
    profiles = profiles_of(players(4))
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    async with loading_from(profiles) as loader:
        ends: tuple[BaseException, ...] = (RuntimeError("a bug"), asyncio.CancelledError())
        for end in ends:
            profiles.broken = end
            failing = ask(loader, "player 0")
            await asyncio.sleep(0.0005)
            others = ask(loader, "player 1")
            await asyncio.sleep(0)
            profiles.broken = None
            with pytest.raises(ProfilesUnavailable):
                await failing[0]
            assert await ids_of(others) == ["player 1"]


@simulated
async def test_closing_ends_all_waiting() -> None:
    """At the end nobody is left waiting, no query goes on, and nobody is taken in."""
    profiles = profiles_of(players(100), seconds=1.0)
    loader = ProfileLoader(profiles)
    tasks = ask(loader, "player 0")
    await settle()
    tasks += ask(loader, "player 1", "player 2")
    await settle()
    await loader.close()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, ProfilesUnavailable) for result in results)
    assert profiles.on_their_way == 0
    with pytest.raises(ProfilesClosed, match="stopping"):
        await loader.load("player 0")
    assert loader.refused == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*players(60), "nobody"]),
            st.sampled_from((0.0, 0.0, 0.0002, 0.003, 0.02)),
            st.sampled_from((None, None, None, 0.0, 0.001, 0.004)),
        ),
        max_size=200,
    ),
    st.sampled_from((0.0, 0.0005, 0.004, 0.02)),
)
@simulated
async def test_everybody_who_stays_is_answered(
    requests: list[tuple[str, float, float | None]], seconds: float
) -> None:
    """In whatever order requests come and go, each gets its own profile, within two queries."""
    profiles = profiles_of(players(60), seconds=seconds)
    loop = asyncio.get_running_loop()

    async def asks(loader: ProfileLoader, player_id: str, patience: float | None) -> None:
        began = loop.time()
        try:
            async with asyncio.timeout(patience):
                profile = await loader.load(player_id)
        except TimeoutError:
            return
        assert profile == (None if player_id == "nobody" else a_profile(player_id))
        assert loop.time() - began < 3 * seconds + 0.01

    async with loading_from(profiles) as loader, asyncio.TaskGroup() as group:
        for player_id, pause, patience in requests:
            group.create_task(asks(loader, player_id, patience))
            if pause:
                await asyncio.sleep(pause)
    assert profiles.most_on_their_way <= loading.MAX_QUERIES
    assert all(len({*asked}) == len(asked) for asked in profiles.asked)
