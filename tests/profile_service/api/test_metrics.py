"""GET /metrics of the profile service."""

import asyncio
from pathlib import Path

from testbed.builders import (
    OTHER_STORE_ID,
    PLAYER_ID,
    a_profile,
    a_published_campaign,
    a_snapshot,
)
from testbed.fakes import FakeOrigin, InMemoryProfiles, body_of, event_of
from tests.apps import ProfileParts, a_profile_app, described_metrics, metrics_of, serving
from tests.profile_service.cache.caches import with_unknown_matchers
from tests.simulated_time import SimulatedClock, settle, simulated

GOLDEN = Path(__file__).parents[2] / "data" / "profile_service_metrics.txt"
SNAPSHOT = a_snapshot([a_published_campaign()], revision=5)


def given(origin: FakeOrigin | None = None) -> ProfileParts:
    """Return parts whose clock runs with simulated time, and one player."""
    return ProfileParts(
        profiles=InMemoryProfiles(a_profile()),
        origin=origin or FakeOrigin(SNAPSHOT),
        clock=SimulatedClock(),
    )


@simulated
async def test_names_and_help_texts_stay() -> None:
    """Dashboards and alerts of operators are made of them."""
    async with serving(a_profile_app(given())) as client:
        assert await described_metrics(client) == GOLDEN.read_text("utf-8").splitlines()


@simulated
async def test_the_held_snapshot_is_shown() -> None:
    """Its revision, its size, how long ago it was the newest, and what its fetch came to."""
    async with serving(a_profile_app(given())) as client:
        await asyncio.sleep(10.0)
        found = await metrics_of(client)
    assert found["profile_service_ready"] == 1.0
    assert found["profile_service_rabbitmq_connected"] == 1.0
    assert found["profile_service_snapshot_revision"] == 5.0
    assert found["profile_service_snapshot_campaigns"] == 1.0
    assert 9.9 < found["profile_service_snapshot_age_seconds"] < 10.1
    assert found["profile_service_snapshot_stale"] == 0.0
    assert found["profile_service_refetches_total,start,replaced"] == 1.0
    assert found["profile_service_refetches_total,connect,replaced"] == 1.0


@simulated
async def test_staleness_is_shown_while_the_origin_is_away() -> None:
    """Past its time to live the snapshot is stale, and the failed refetches are counted."""
    parts = given()
    async with serving(a_profile_app(parts, campaigns_ttl=5.0)) as client:
        await settle()
        parts.origin.snapshot = None
        await asyncio.sleep(20.0)
        found = await metrics_of(client)
    assert found["profile_service_snapshot_stale"] == 1.0
    assert found["profile_service_snapshot_age_seconds"] > 19.0
    assert found["profile_service_refetches_total,ttl,failed"] == 1.0
    assert found["profile_service_refetches_total,retry,failed"] > 1.0


@simulated
async def test_without_a_snapshot_nothing_is_claimed() -> None:
    """No revision is not revision 0, and readiness is red."""
    async with serving(a_profile_app(given(FakeOrigin()))) as client:
        await settle()
        found = await metrics_of(client)
    assert found["profile_service_ready"] == 0.0
    assert not [name for name in found if name.startswith("profile_service_snapshot_")]


@simulated
async def test_events_are_counted_by_what_they_did() -> None:
    """Applied, confirmed, dropped, foreign and dead ones; and what became of the dead."""
    parts = given()
    async with serving(a_profile_app(parts)) as client:
        await settle()
        [events] = parts.handlers
        parts.subscription.dead_letters.published += 1
        for snapshot in (
            SNAPSHOT,
            a_snapshot(revision=6),
            SNAPSHOT,
            a_snapshot(revision=6, store_id=OTHER_STORE_ID),
        ):
            await events.handle(body_of(snapshot), event_of(snapshot).to_headers(), "id")
        await events.handle(b"{", {}, "id")
        found = await metrics_of(client)
    for outcome in ("applied", "confirmed", "dropped", "foreign", "dead"):
        assert found[f"profile_service_events_total,{outcome}"] == 1.0
    assert found["profile_service_events_total,behind"] == 0.0
    assert found["profile_service_foreign_store_offered"] == 1.0
    assert found["profile_service_origin_behind"] == 0.0
    assert found["profile_service_dead_letters_total,published"] == 1.0
    assert found["profile_service_dead_letters_total,only_counted"] == 0.0


@simulated
async def test_campaigns_with_unknown_matchers_are_counted() -> None:
    """None at first; all those of the held snapshot after an event that brings some."""
    parts = given()
    async with serving(a_profile_app(parts)) as client:
        await settle()
        before = await metrics_of(client)
        snapshot = a_snapshot(
            [a_published_campaign("one"), a_published_campaign("two")], revision=6
        )
        body = with_unknown_matchers(body_of(snapshot))
        await parts.handlers[0].handle(body, event_of(snapshot).to_headers(), "id")
        after = await metrics_of(client)
    assert before["profile_service_unknown_matchers"] == 0.0
    assert after["profile_service_unknown_matchers"] == 2.0
    assert after["profile_service_snapshot_campaigns"] == 2.0


@simulated
async def test_updates_are_counted_and_those_that_wait_are_shown() -> None:
    """Written ones count; while MongoDB refuses them they wait, and the failures count."""
    parts = given()
    async with serving(a_profile_app(parts)) as client:
        await settle()
        await client.get(f"/get_client_config/{PLAYER_ID}")
        await asyncio.sleep(1.0)
        written = await metrics_of(client)
        parts.profiles.documents["other"] = a_profile("other")
        await client.get("/get_client_config/other")
        parts.profiles.unavailable = True
        await asyncio.sleep(10.0)
        waiting = await metrics_of(client)
    assert written["profile_service_updates_total,written"] == 1.0
    assert written["profile_service_updates_pending"] == 0.0
    assert waiting["profile_service_updates_pending"] == 1.0
    assert waiting["profile_service_update_failures_total"] > 1.0
    assert waiting["profile_service_updates_total,dropped"] == 0.0


@simulated
async def test_requests_that_wait_are_counted() -> None:
    """While MongoDB does not answer they wait, at most 2 s, and then none does."""
    parts = given()
    async with serving(a_profile_app(parts)) as client:
        await settle()
        parts.profiles.hanging = True
        asked = [
            asyncio.create_task(client.get(f"/get_client_config/{PLAYER_ID}")) for _ in range(3)
        ]
        await asyncio.sleep(0.5)
        waiting = await metrics_of(client)
        answers = await asyncio.gather(*asked)
        later = await metrics_of(client)
    assert waiting["profile_service_requests_waiting"] == 3.0
    assert {answer.status_code for answer in answers} == {503}
    assert later["profile_service_requests_waiting"] == 0.0
    assert later["profile_service_requests_refused_total"] == 0.0
