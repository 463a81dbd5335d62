"""What readiness says, and when the index on player_id is made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest

from foundation.draining import Draining
from foundation.health import Status
from foundation.tasks import running
from profile_service.health import Health
from profile_service.profiles.index import DUPLICATES_SECONDS, ProfileIndex
from profile_service.profiles.repository import ProfilesUnavailable
from testbed.builders import (
    OTHER_STORE_ID,
    STORE_ID,
    a_head,
    a_profile,
    a_published_campaign,
    a_snapshot,
)
from testbed.fakes import FakeOrigin, FakeSubscription, InMemoryProfiles, body_of, event_of
from tests.profile_service.cache.caches import (
    TTL,
    a_cache,
    receive,
    refetching,
    revision,
    take,
    with_unknown_matchers,
)
from tests.simulated_time import SimulatedClock, settle, simulated


class CheckedInstance:
    """A health check with what it checks."""

    def __init__(self, *, max_staleness: timedelta | None = None) -> None:
        self.profiles = InMemoryProfiles()
        self.origin = FakeOrigin(revision(5))
        self.cache = a_cache(self.origin)
        self.subscription = FakeSubscription()
        self.draining = Draining()
        self.index = ProfileIndex(self.profiles)
        self.health = Health(
            self.profiles,
            self.index,
            self.cache,
            self.subscription,
            self.draining,
            SimulatedClock(),
            max_staleness,
        )


@asynccontextmanager
async def a_checked_instance(
    *, max_staleness: timedelta | None = None
) -> AsyncIterator[CheckedInstance]:
    """Yield a health check over a cache that is kept fresh, and profiles with their index."""
    checked = CheckedInstance(max_staleness=max_staleness)
    await checked.index.make()
    async with refetching(checked.cache):
        yield checked


@simulated
async def test_all_is_well() -> None:
    """The body names the revision, the store, the age and the number of campaigns."""
    async with a_checked_instance() as checked:
        report = await checked.health.report()
        assert report.is_ready
        assert report.status is Status.OK
        assert report.checks["profiles"] == {"status": "ok"}
        campaigns = {**report.checks["campaigns"]}
        assert campaigns.pop("age") == pytest.approx(0, abs=0.1)
        assert campaigns == {
            "status": "ok",
            "revision": 5,
            "store_id": str(STORE_ID),
            "campaigns": 2,
            "stale": False,
        }


@simulated
async def test_without_rabbitmq_it_is_degraded_and_ready() -> None:
    """The TTL goes on finding what has changed; the body says why that takes longer."""
    async with a_checked_instance() as checked:
        checked.subscription.is_up = False
        report = await checked.health.report()
        assert report.is_ready
        assert report.status is Status.DEGRADED
        assert report.checks["events"]["detail"] == "no connection to RabbitMQ"
        checked.subscription.is_up = True
        assert (await checked.health.report()).status is Status.OK


@simulated
async def test_without_a_snapshot_it_is_not_ready() -> None:
    """Until the first one comes every answer would be a 503."""
    async with a_checked_instance() as checked:
        checked.cache.held = None
        report = await checked.health.report()
        assert not report.is_ready
        assert report.checks["campaigns"]["status"] == "unavailable"


@pytest.mark.parametrize("trouble", ["unavailable", "hanging"])
@simulated
async def test_readiness_is_lost_with_the_profiles_and_regained(trouble: str) -> None:
    """A store that is away or hangs makes it red within a second or two, and back it is green."""
    async with a_checked_instance() as checked:
        assert (await checked.health.report()).is_ready
        setattr(checked.profiles, trouble, True)
        await asyncio.sleep(1.0)
        async with asyncio.timeout(1.1):
            report = await checked.health.report()
        assert not report.is_ready
        assert report.checks["profiles"]["detail"] == "profiles cannot be reached"
        setattr(checked.profiles, trouble, False)
        await asyncio.sleep(1.0)
        assert (await checked.health.report()).is_ready


@simulated
async def test_a_store_that_refuses_writes_degrades_readiness() -> None:
    """It names the reason until a write succeeds; players are answered all the time."""
    async with a_checked_instance() as checked:
        checked.profiles.unwritable = "OperationalError SQLITE_FULL"
        with pytest.raises(ProfilesUnavailable):
            await checked.profiles.put([a_profile()])
        report = await checked.health.report()
        assert report.is_ready
        assert report.checks["profiles"] == {
            "status": "degraded",
            "detail": "profiles cannot be written: OperationalError SQLITE_FULL",
        }
        checked.profiles.unwritable = None
        await checked.profiles.put([a_profile()])
        assert (await checked.health.report()).status is Status.OK


@simulated
async def test_a_store_that_refuses_reads_degrades_readiness() -> None:
    """It names the reason, and stays ready: only the next read can find the outage's end."""
    async with a_checked_instance() as checked:
        checked.profiles.outages.reads.failed("OperationFailure 13 Unauthorized")
        report = await checked.health.report()
        assert report.is_ready
        assert report.checks["profiles"] == {
            "status": "degraded",
            "detail": "profiles cannot be read: OperationFailure 13 Unauthorized",
        }
        checked.profiles.outages.reads.recovered()
        assert (await checked.health.report()).status is Status.OK


@simulated
async def test_a_store_that_is_away_is_named_with_the_reason() -> None:
    """The reason is that of the last ping."""
    async with a_checked_instance() as checked:
        checked.profiles.unavailable = True
        checked.profiles.outages.pings.failed("ServerSelectionTimeoutError")
        report = await checked.health.report()
        detail = report.checks["profiles"]["detail"]
        assert detail == "profiles cannot be reached: ServerSelectionTimeoutError"


@simulated
async def test_one_problem_of_the_store_hides_no_other() -> None:
    """Duplicates are named beside writes that fail."""
    async with a_checked_instance() as checked:
        checked.index.duplicates = ["one"]
        checked.profiles.outages.writes.failed("OperationFailure 13 Unauthorized")
        assert (await checked.health.report()).checks["profiles"] == {
            "status": "degraded",
            "detail": "players are stored more than once; "
            "profiles cannot be written: OperationFailure 13 Unauthorized",
            "duplicates": ["one"],
        }


@simulated
async def test_campaigns_with_unknown_matchers_are_named() -> None:
    """The first 20 of them, and how many there are; the instance is degraded and ready."""
    async with a_checked_instance() as checked:
        names = [f"unknown {number:02}" for number in range(21)]
        snapshot = a_snapshot([a_published_campaign(name) for name in names], revision=6)
        await checked.cache.receive(event_of(snapshot), with_unknown_matchers(body_of(snapshot)))
        report = await checked.health.report()
        assert report.is_ready
        assert report.status is Status.DEGRADED
        campaigns = report.checks["campaigns"]
        assert campaigns["unknown_matchers"] == names[:20]
        assert campaigns["detail"] == "campaigns with unknown matchers: 21"
        await take(checked.cache, revision(7))
        assert "unknown_matchers" not in (await checked.health.report()).checks["campaigns"]


@simulated
async def test_however_often_it_is_asked_the_store_is_asked_once_a_second() -> None:
    """Many probes at once share one ping."""
    async with a_checked_instance() as checked:
        for _ in range(10):
            await asyncio.gather(*(checked.health.report() for _ in range(20)))
            await asyncio.sleep(0.5)
        assert checked.profiles.pings <= 6


@simulated
async def test_a_stale_instance_is_degraded_and_ready() -> None:
    """All replicas would go at once otherwise."""
    async with a_checked_instance() as checked:
        checked.origin.snapshot = None
        await asyncio.sleep(100 * TTL)
        report = await checked.health.report()
        assert report.is_ready
        assert report.status is Status.DEGRADED
        assert report.checks["campaigns"]["stale"]
        assert "stale" in report.checks["campaigns"]["detail"]


@simulated
async def test_past_the_longest_staleness_it_is_not_ready() -> None:
    """Where that is set; and ready again once it is fresh."""
    async with a_checked_instance(max_staleness=timedelta(seconds=2 * TTL)) as checked:
        checked.origin.snapshot = None
        await asyncio.sleep(2 * TTL - 1)
        assert (await checked.health.report()).is_ready
        await asyncio.sleep(2)
        assert not (await checked.health.report()).is_ready
        checked.origin.snapshot = revision(5)
        await asyncio.sleep(TTL / 10 + 1)
        assert (await checked.health.report()).status is Status.OK


@simulated
async def test_an_origin_behind_is_shown() -> None:
    """It is degraded, and ready."""
    async with a_checked_instance() as checked:
        await receive(checked.cache, revision(5, head=a_head(99)))
        report = await checked.health.report()
        assert report.status is Status.DEGRADED
        assert report.checks["campaigns"]["detail"] == "origin behind"


@simulated
async def test_another_store_is_named_beside_the_held_one() -> None:
    """So that an operator knows what to accept."""
    async with a_checked_instance() as checked:
        checked.origin.snapshot = revision(0, store_id=OTHER_STORE_ID)
        await checked.cache.refetcher.invalidate()
        report = await checked.health.report()
        assert report.status is Status.DEGRADED
        campaigns = {**report.checks["campaigns"]}
        assert UUID(campaigns["store_id"]) == STORE_ID
        assert UUID(campaigns["offered_store_id"]) == OTHER_STORE_ID


@simulated
async def test_a_stop_turns_it_red_first() -> None:
    """Whatever else is well."""
    async with a_checked_instance() as checked:
        checked.draining.started = True
        report = await checked.health.report()
        assert report.status is Status.DRAINING
        assert not report.is_ready


@simulated
async def test_the_index_is_made_when_the_store_is_there() -> None:
    """It is tried again until then."""
    checked = CheckedInstance()
    checked.profiles.unavailable = True
    preparing = asyncio.create_task(checked.index.make())
    await asyncio.sleep(60)
    assert not preparing.done()
    checked.profiles.unavailable = False
    await asyncio.sleep(5.1)
    assert preparing.done()


@simulated
async def test_an_index_that_cannot_be_made_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    """In ready until it is made, and in the log with each new reason, not with each attempt."""
    async with a_checked_instance() as checked:
        checked.index.is_made = False
        checked.profiles.unpreparable = "OperationFailure 86 IndexKeySpecsConflict"
        async with running(checked.index.make, name="profile index"):
            await asyncio.sleep(60)
            report = await checked.health.report()
            assert report.is_ready
            assert report.checks["profiles"] == {
                "status": "degraded",
                "detail": "the index on player_id is not made yet",
            }
            checked.profiles.unpreparable = "NotPrimaryError 10107 NotWritablePrimary"
            await asyncio.sleep(60)
            logged = [line for line in caplog.messages if "index on player_id" in line]
            assert ["86 Index" in line for line in logged] == [True, False]
            checked.profiles.unpreparable = None
            await asyncio.sleep(6)
            assert (await checked.health.report()).checks["profiles"] == {"status": "ok"}


@simulated
async def test_an_index_on_lists_that_cannot_be_made_is_shown() -> None:
    """It is made after the one on player_id, also while players are stored more than once."""
    async with a_checked_instance() as checked:
        checked.index.is_made = checked.index.lists_is_made = False
        checked.profiles.duplicates = ["one"]
        checked.profiles.lists.unpreparable = "OperationFailure 13 Unauthorized"
        async with running(checked.index.make, name="profile index"):
            await asyncio.sleep(60)
            report = await checked.health.report()
            assert report.is_ready
            assert report.checks["profiles"] == {
                "status": "degraded",
                "detail": "players are stored more than once; the index on lists is not made yet",
                "duplicates": ["one"],
            }
            checked.profiles.lists.unpreparable = None
            checked.profiles.duplicates = []
            await asyncio.sleep(DUPLICATES_SECONDS + 6)
            assert (await checked.health.report()).checks["profiles"] == {"status": "ok"}


@simulated
async def test_duplicates_are_named_until_there_are_none(caplog: pytest.LogCaptureFixture) -> None:
    """In the log once, and in ready until somebody has mended them."""
    async with a_checked_instance() as checked:
        checked.index.is_made = False
        checked.profiles.duplicates = ["one", "two"]
        async with running(checked.index.make, name="profile index"):
            await asyncio.sleep(5 * DUPLICATES_SECONDS)
            report = await checked.health.report()
            assert report.is_ready
            assert report.checks["profiles"]["duplicates"] == ["one", "two"]
            logged = [line for line in caplog.messages if "one, two" in line]
            assert len(logged) == 1
            checked.profiles.duplicates = []
            await asyncio.sleep(DUPLICATES_SECONDS + 1)
            await settle()
            assert "duplicates" not in (await checked.health.report()).checks["profiles"]
