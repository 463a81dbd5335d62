"""Both services' apps in this process, with what they need from outside in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

import campaign_publisher.main
import campaign_publisher.settings
import profile_service.main
import profile_service.settings
from foundation.clock import Clock
from profile_service.messaging.handler import EventHandler
from testbed.fakes import (
    FakeChannel,
    FakeClock,
    FakeOrigin,
    FakeSubscription,
    InMemoryLog,
    InMemoryProfiles,
)

ADMIN = {"Authorization": "Bearer admin-token"}
BASE_URL = "http://test"
READY_SECONDS = 10.0


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of an app that has started; it is stopped at the end."""
    async with LifespanManager(app) as manager:
        transport = httpx.ASGITransport(manager.app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            yield client


async def until_ready(client: httpx.AsyncClient) -> None:
    """Wait until an app says that it can serve."""
    async with asyncio.timeout(READY_SECONDS):
        while not (await client.get("/health/ready")).is_success:  # noqa: ASYNC110 - as a probe
            await asyncio.sleep(0.001)


@dataclass
class CampaignParts:
    """What the campaign service is given in a test."""

    log: InMemoryLog = field(default_factory=InMemoryLog)
    channel: FakeChannel = field(default_factory=FakeChannel)
    clock: Clock = field(default_factory=FakeClock)


def a_campaign_app(parts: CampaignParts | None = None, /, **settings: Any) -> FastAPI:
    """Return the campaign service with an admin token and these settings."""
    parts = parts or CampaignParts()

    @asynccontextmanager
    async def open_log(_: object) -> AsyncIterator[InMemoryLog]:
        yield parts.log

    @asynccontextmanager
    async def open_channel(_: object, on_connected: Any) -> AsyncIterator[FakeChannel]:
        await on_connected()
        yield parts.channel

    return campaign_publisher.main.create_app(
        campaign_publisher.settings.Settings(**_with_token(settings)),
        open_log=open_log,
        open_channel=open_channel,
        clock=parts.clock,
    )


@dataclass
class ProfileParts:
    """What the profile service is given in a test, and the event handlers that it made."""

    profiles: InMemoryProfiles = field(default_factory=InMemoryProfiles)
    origin: FakeOrigin = field(default_factory=FakeOrigin)
    subscription: FakeSubscription = field(default_factory=FakeSubscription)
    clock: Clock = field(default_factory=FakeClock)
    handlers: list[EventHandler] = field(default_factory=list)


def a_profile_app(parts: ProfileParts | None = None, /, **settings: Any) -> FastAPI:
    """Return the profile service with an admin token and these settings."""
    parts = parts or ProfileParts()

    @asynccontextmanager
    async def open_profiles(_: object) -> AsyncIterator[InMemoryProfiles]:
        yield parts.profiles

    @asynccontextmanager
    async def open_origin(_: object) -> AsyncIterator[FakeOrigin]:
        yield parts.origin

    @asynccontextmanager
    async def open_subscription(
        _: object, handler: EventHandler
    ) -> AsyncIterator[FakeSubscription]:
        parts.handlers.append(handler)
        await handler.connected()
        yield parts.subscription

    return profile_service.main.create_app(
        profile_service.settings.Settings(**_with_token(settings)),
        open_profiles=open_profiles,
        open_origin=open_origin,
        open_subscription=open_subscription,
        clock=parts.clock,
    )


def _with_token(settings: dict[str, Any]) -> dict[str, Any]:
    return {"admin_token": SecretStr("admin-token"), "read_token": SecretStr(""), **settings}


async def described_metrics(client: httpx.AsyncClient) -> list[str]:
    """Return the name, kind and help text of each metric of the service's own, sorted."""
    lines = (await client.get("/metrics")).text.splitlines()
    return sorted(line for line in lines if line.startswith("#") and " process_" not in line)


async def metrics_of(client: httpx.AsyncClient) -> dict[str, float]:
    """Return each sample of /metrics, with its labels in its name."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        ",".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
