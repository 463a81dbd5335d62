"""Updates of active_campaigns on their way behind the answers, in simulated time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from contracts.snapshot import LogPosition
from profile_service.profiles.repository import ActiveCampaignsUpdate, ProfileDocument
from profile_service.profiles.updates import (
    BATCH,
    FLUSH_SECONDS,
    GATHER_SECONDS,
    MAX_AGE_SECONDS,
    MAX_PENDING,
    PendingUpdates,
)
from testbed.builders import PLAYER_ID, STORE_ID, a_head, a_profile
from testbed.fakes import InMemoryProfiles
from tests.simulated_time import SimulatedClock, simulated, unended

SOON = 3 * GATHER_SECONDS
POSITION = LogPosition(store_id=STORE_ID, revision=5, head=a_head(5))


def an_update(player_id: str = PLAYER_ID, *names: str) -> ActiveCampaignsUpdate:
    """Return the update of a player who was in no campaign."""
    return ActiveCampaignsUpdate(player_id, [], list(names) or ["a"])


class Instance:
    """What an instance holds; `position` is None while it is stale."""

    def __init__(self) -> None:
        self.position: LogPosition | None = POSITION


def pending(profiles: InMemoryProfiles, instance: Instance | None = None) -> PendingUpdates:
    """Return the pending updates of an instance, in simulated time."""
    holder = instance or Instance()
    return PendingUpdates(
        profiles, writable_position=lambda: holder.position, clock=SimulatedClock()
    )


def some_profiles(number: int) -> InMemoryProfiles:
    """Return so many players, named by their numbers, who are in no campaign."""
    return InMemoryProfiles(*(a_profile(str(each), active_campaigns=[]) for each in range(number)))


class Counting(InMemoryProfiles):
    """A repository that remembers how many updates came with each write."""

    def __init__(self, *profiles: ProfileDocument) -> None:
        super().__init__(*profiles)
        self.sizes: list[int] = []

    async def update_active_campaigns(self, updates: Sequence[ActiveCampaignsUpdate]) -> int:
        self.sizes.append(len(updates))
        return await super().update_active_campaigns(updates)


@asynccontextmanager
async def written(updates: PendingUpdates) -> AsyncIterator[None]:
    """Write what is pending while the block lasts."""
    async with unended(updates.run()):
        yield


@simulated
async def test_an_update_is_written_behind() -> None:
    """It needs nobody to wait for it, and nothing is pending afterwards."""
    profiles = some_profiles(1)
    updates = pending(profiles)
    async with written(updates):
        updates.add(an_update("0"), POSITION)
        assert len(updates) == 1
        await asyncio.sleep(SOON)
        assert profiles.documents["0"]["active_campaigns"] == ["a"]
        assert len(updates) == 0
        await asyncio.sleep(60)
        assert len(profiles.updates) == 1
    assert updates.outcomes == {"written": 1, "outdated": 0}


@simulated
async def test_a_newer_update_takes_the_place_of_an_older() -> None:
    """Of one player only the last is written, and it counts once."""
    profiles = some_profiles(1)
    updates = pending(profiles)
    for name in ("a", "b", "c"):
        updates.add(an_update("0", name), POSITION)
    assert len(updates) == 1
    async with written(updates):
        await asyncio.sleep(SOON)
    assert [each.active_campaigns for each in profiles.updates] == [["c"]]


@simulated
async def test_an_update_that_comes_during_the_write_is_not_lost() -> None:
    """What replaced a written one stays pending, and is written next."""

    class Slow(InMemoryProfiles):
        async def update_active_campaigns(self, updates: Sequence[ActiveCampaignsUpdate]) -> int:
            await asyncio.sleep(1)
            return await super().update_active_campaigns(updates)

    profiles = Slow(a_profile("0", active_campaigns=[]))
    updates = pending(profiles)
    async with written(updates):
        updates.add(an_update("0", "a"), POSITION)
        await asyncio.sleep(SOON)
        updates.add(ActiveCampaignsUpdate("0", ["a"], ["b"]), POSITION)
        await asyncio.sleep(3)
    assert profiles.documents["0"]["active_campaigns"] == ["b"]


@simulated
async def test_what_does_not_fit_is_dropped_and_counted() -> None:
    """10,000 players wait at most; one who waits already may still be given a newer update."""
    profiles = some_profiles(0)
    updates = pending(profiles)
    for number in range(MAX_PENDING + 7):
        updates.add(an_update(str(number)), POSITION)
    updates.add(an_update("0", "newer"), POSITION)
    assert len(updates) == MAX_PENDING
    assert updates.outcomes["dropped"] == 7
    async with written(updates):
        await asyncio.sleep(SOON)
    assert len(profiles.updates) == MAX_PENDING
    assert profiles.updates[0].active_campaigns == ["newer"]


@simulated
async def test_updates_are_written_in_bulk() -> None:
    """500 go in one write."""
    profiles = Counting()
    updates = pending(profiles)
    for number in range(BATCH + 1):
        updates.add(an_update(str(number)), POSITION)
    async with written(updates):
        await asyncio.sleep(SOON)
    assert profiles.sizes == [BATCH, 1]


@simulated
async def test_updates_that_come_one_after_the_other_go_together() -> None:
    """A change of campaigns makes one with nearly every answer: they are few writes."""
    profiles = Counting(*some_profiles(40).documents.values())
    updates = pending(profiles)
    async with written(updates):
        for number in range(40):
            updates.add(an_update(str(number)), POSITION)
            await asyncio.sleep(GATHER_SECONDS / 20)
        await asyncio.sleep(SOON)
    assert sum(profiles.sizes) == 40
    assert len(profiles.sizes) <= 3


@simulated
async def test_a_profile_that_changed_or_went_away_is_left_alone() -> None:
    """Its update is dropped: the next answer for it makes another."""
    profiles = InMemoryProfiles(a_profile("changed", active_campaigns=["theirs"]))
    updates = pending(profiles)
    async with written(updates):
        updates.add(an_update("changed"), POSITION)
        updates.add(an_update("gone"), POSITION)
        await asyncio.sleep(SOON)
    assert profiles.documents["changed"]["active_campaigns"] == ["theirs"]
    assert "gone" not in profiles.documents
    assert updates.outcomes == {"written": 0, "outdated": 2}


@simulated
async def test_while_the_store_is_away_updates_wait(caplog: pytest.LogCaptureFixture) -> None:
    """They are tried again with backoff, at most 2 s apart, and written when it is back.

    The log has one line when that begins and one when it ends.
    """
    caplog.set_level("INFO", "profile_service")
    profiles = some_profiles(1)
    profiles.unavailable = True
    updates = pending(profiles)
    async with written(updates):
        updates.add(an_update("0"), POSITION)
        await asyncio.sleep(120)
        assert len(updates) == 1
        assert 60 < updates.outcomes["failed"] < 300
        profiles.unavailable = False
        await asyncio.sleep(2.1)
        assert len(updates) == 0
    assert profiles.documents["0"]["active_campaigns"] == ["a"]
    assert caplog.messages == [
        "profiles cannot be written: the test has switched it off",
        "profiles can be written again",
    ]


@simulated
async def test_what_can_never_be_written_does_not_hold_up_the_others() -> None:
    """A batch that the driver cannot even send is dropped, counted and logged."""

    class Picky(InMemoryProfiles):
        async def update_active_campaigns(self, updates: Sequence[ActiveCampaignsUpdate]) -> int:
            if any(each.player_id == "poison" for each in updates):
                raise OverflowError
            return await super().update_active_campaigns(updates)

    profiles = Picky(a_profile("0", active_campaigns=[]))
    updates = pending(profiles)
    async with written(updates):
        updates.add(an_update("poison"), POSITION)
        await asyncio.sleep(SOON)
        updates.add(an_update("0"), POSITION)
        await asyncio.sleep(SOON)
    assert updates.outcomes["dropped"] == 1
    assert profiles.documents["0"]["active_campaigns"] == ["a"]


@simulated
async def test_a_stop_writes_what_is_pending() -> None:
    """All of it, several batches too."""
    profiles = some_profiles(2 * BATCH)
    updates = pending(profiles)
    for number in range(2 * BATCH):
        updates.add(an_update(str(number)), POSITION)
    await updates.flush()
    assert len(updates) == 0
    assert updates.outcomes["written"] == 2 * BATCH
    assert updates.outcomes["dropped"] == 0


@pytest.mark.parametrize("trouble", ["hanging", "unavailable"])
@simulated
async def test_a_stop_waits_3_s_at_most(trouble: str) -> None:
    """What cannot be written until then is dropped and counted."""
    profiles = some_profiles(0)
    setattr(profiles, trouble, True)
    updates = pending(profiles)
    for number in range(7):
        updates.add(an_update(str(number)), POSITION)
    async with asyncio.timeout(FLUSH_SECONDS + 0.1):
        await updates.flush()
    assert len(updates) == 0
    assert updates.outcomes["dropped"] == 7


@simulated
async def test_a_write_that_is_cut_off_by_the_stop_is_made_again() -> None:
    """The batch stays pending until its write is known to have been made."""
    profiles = some_profiles(1)
    profiles.hanging = True
    updates = pending(profiles)
    async with written(updates):
        updates.add(an_update("0"), POSITION)
        await asyncio.sleep(SOON)
    profiles.hanging = False
    await updates.flush()
    assert profiles.documents["0"]["active_campaigns"] == ["a"]


@pytest.mark.parametrize(
    "moved_to", [None, LogPosition(store_id=STORE_ID, revision=6, head=a_head(6))]
)
@simulated
async def test_an_instance_that_became_stale_or_moved_on_writes_nothing(
    moved_to: LogPosition | None,
) -> None:
    """That is judged when an update is written, not when it was added."""
    profiles = some_profiles(2)
    instance = Instance()
    updates = pending(profiles, instance)
    async with written(updates):
        updates.add(an_update("0"), POSITION)
        instance.position = moved_to
        await asyncio.sleep(SOON)
        assert len(updates) == 0
        instance.position = POSITION
        updates.add(an_update("1"), POSITION)
        await asyncio.sleep(SOON)
    assert [each.player_id for each in profiles.updates] == ["1"]
    assert updates.outcomes == {"written": 1, "outdated": 1}


@simulated
async def test_an_instance_that_became_stale_writes_nothing_while_it_stops() -> None:
    """The flush at the end keeps to the same rule."""
    profiles = some_profiles(1)
    instance = Instance()
    updates = pending(profiles, instance)
    updates.add(an_update("0"), POSITION)
    instance.position = None
    await updates.flush()
    assert profiles.updates == []
    assert updates.outcomes["outdated"] == 1


@simulated
async def test_an_update_is_tried_for_5_minutes() -> None:
    """Campaigns begin and end meanwhile: an older one is not written any more."""
    profiles = some_profiles(1)
    profiles.unavailable = True
    updates = pending(profiles)
    async with written(updates):
        updates.add(an_update("0"), POSITION)
        await asyncio.sleep(MAX_AGE_SECONDS - 5)
        assert len(updates) == 1
        await asyncio.sleep(10)
        assert len(updates) == 0
        profiles.unavailable = False
        await asyncio.sleep(SOON)
    assert profiles.updates == []
    assert updates.outcomes["outdated"] == 1
