"""GET /metrics of the campaign service."""

import asyncio
from pathlib import Path

from tests.apps import ADMIN, CampaignParts, a_campaign_app, described_metrics, metrics_of, serving
from tests.simulated_time import SimulatedClock, simulated

GOLDEN = Path(__file__).parents[2] / "data" / "campaign_service_metrics.txt"


def given() -> CampaignParts:
    """Return parts whose clock runs with simulated time."""
    return CampaignParts(clock=SimulatedClock())


@simulated
async def test_names_and_help_texts_stay() -> None:
    """Dashboards and alerts of operators are made of them."""
    async with serving(a_campaign_app(given())) as client:
        assert await described_metrics(client) == GOLDEN.read_text("utf-8").splitlines()


@simulated
async def test_a_change_that_is_confirmed_leaves_no_lag() -> None:
    """What is committed and what RabbitMQ has confirmed are both shown."""
    async with serving(a_campaign_app(given())) as client:
        await client.put("/campaigns/one", json={"name": "one", "game": "g"}, headers=ADMIN)
        await asyncio.sleep(1.0)
        found = await metrics_of(client)
    assert found["campaign_service_ready"] == 1.0
    assert found["campaign_service_log_revision"] == 1.0
    assert found["campaign_service_confirmed_revision"] == 1.0
    assert found["campaign_service_campaigns"] == 1.0
    assert found["campaign_service_rabbitmq_connected"] == 1.0
    assert found["campaign_service_publish_lag_seconds"] == 0.0
    assert found["campaign_service_log_replaced"] == 0.0
    assert found["campaign_service_log_age_seconds"] <= 1.1
    assert found["campaign_service_published_total,snapshot"] >= 1.0
    assert found["campaign_service_publish_failures_total"] == 0.0


@simulated
async def test_the_lag_grows_while_rabbitmq_confirms_nothing() -> None:
    """It counts from the first change that is not confirmed, and is gone when one is."""
    parts = given()
    async with serving(a_campaign_app(parts)) as client:
        await asyncio.sleep(5.0)
        parts.channel.fail()
        for level in (1, 2):
            await client.put(
                "/campaigns/one",
                json={"name": "one", "game": "g", "matchers": {"level": {"min": level}}},
                headers=ADMIN,
            )
            await asyncio.sleep(10.0)
        failing = await metrics_of(client)
        parts.channel.error = None
        await asyncio.sleep(5.0)
        healed = await metrics_of(client)
    assert 20.0 <= failing["campaign_service_publish_lag_seconds"] < 21.0
    assert failing["campaign_service_publish_failures_total"] >= 5.0
    assert failing["campaign_service_confirmed_revision"] == 0.0
    assert failing["campaign_service_ready"] == 1.0
    assert healed["campaign_service_publish_lag_seconds"] == 0.0
    assert healed["campaign_service_confirmed_revision"] == 2.0


@simulated
async def test_heartbeats_are_counted_apart() -> None:
    """Nothing new for some minutes is one snapshot and a heartbeat a minute."""
    async with serving(a_campaign_app(given())) as client:
        await asyncio.sleep(305.0)
        found = await metrics_of(client)
    assert found["campaign_service_published_total,snapshot"] == 1.0
    assert found["campaign_service_published_total,heartbeat"] == 5.0


@simulated
async def test_what_nobody_received_is_counted() -> None:
    """It is among what RabbitMQ confirmed, and counted apart."""
    parts = given()
    parts.channel.deserted = True
    async with serving(a_campaign_app(parts)) as client:
        await asyncio.sleep(65.0)
        found = await metrics_of(client)
    assert found["campaign_service_unheard_total"] == 2.0
    assert found["campaign_service_published_total,snapshot"] == 1.0
    assert found["campaign_service_published_total,heartbeat"] == 1.0


@simulated
async def test_before_the_log_was_read_nothing_is_claimed() -> None:
    """A replica that cannot reach its log has no revision, not revision 0."""
    parts = given()
    parts.log.unavailable = True
    async with serving(a_campaign_app(parts)) as client:
        await asyncio.sleep(1.0)
        found = await metrics_of(client)
    assert found["campaign_service_ready"] == 0.0
    assert "campaign_service_log_revision" not in found
    assert "campaign_service_confirmed_revision" not in found
