"""The profile service's app: what it is made of, and its life from start to stop."""

import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from foundation.clock import Clock, SystemClock
from foundation.draining import Draining
from foundation.error_answers import COMMON_ERRORS
from foundation.error_handlers import answer_errors
from foundation.head_requests import answer_head
from foundation.logs import set_up_logging
from foundation.mongo import mongo_database
from foundation.schema_routes import router as schema_routes
from foundation.settings import load
from foundation.tasks import running
from foundation.tokens import first_secret
from foundation.upgrades import ignore_upgrades
from foundation.workers import refuse_workers
from profile_service.api import (
    cache,
    client_config,
    explain,
    health,
    lists,
    metrics,
    overrides,
    preview,
    profiles,
)
from profile_service.cache.cache import CampaignCache
from profile_service.cache.http_origin import open_http_origin
from profile_service.cache.last_good import LastGoodFile
from profile_service.cache.origin import Origin
from profile_service.cache.refetcher import Refetcher
from profile_service.dependencies import LifespanState, Parts
from profile_service.explaining import Explaining
from profile_service.health import Health
from profile_service.messaging.consumer import open_rabbit_subscription
from profile_service.messaging.handler import EventHandler
from profile_service.messaging.subscription import Subscription
from profile_service.previewing import Previewing
from profile_service.profiles.index import ProfileIndex
from profile_service.profiles.mongo import MongoProfiles
from profile_service.profiles.repository import ProfileRepository
from profile_service.profiles.updates import PendingUpdates
from profile_service.service import ProfileService, writable_position
from profile_service.settings import Settings

logger = logging.getLogger(__name__)

MONGO_SECONDS = 5.0
COLLECTED_FROM = 10_000

OpenProfiles = Callable[[Settings], AbstractAsyncContextManager[ProfileRepository]]
OpenOrigin = Callable[[Settings], AbstractAsyncContextManager[Origin]]
OpenSubscription = Callable[[Settings, EventHandler], AbstractAsyncContextManager[Subscription]]


@asynccontextmanager
async def open_mongo_profiles(settings: Settings) -> AsyncIterator[ProfileRepository]:
    """Yield the profiles in MongoDB; nothing is connected to yet."""
    async with mongo_database(
        settings, seconds=MONGO_SECONDS, app_name="profile-service"
    ) as database:
        yield MongoProfiles(database)


def open_campaign_service(settings: Settings) -> AbstractAsyncContextManager[Origin]:
    """Return the campaign service's snapshots over HTTP; nothing is connected to yet."""
    token = first_secret(settings.read_token.get_secret_value())
    return open_http_origin(settings.campaigns_url, token=token)


def open_rabbit(
    settings: Settings, handler: EventHandler
) -> AbstractAsyncContextManager[Subscription]:
    """Return the subscription to the events of RabbitMQ; nothing is connected to yet."""
    return open_rabbit_subscription(settings.amqp_url.get_secret_value(), handler)


def create_app(
    settings: Settings | None = None,
    *,
    open_profiles: OpenProfiles = open_mongo_profiles,
    open_origin: OpenOrigin = open_campaign_service,
    open_subscription: OpenSubscription = open_rabbit,
    clock: Clock | None = None,
) -> FastAPI:
    """Return the service's app. Without `settings` they are read from the environment.

    `open_profiles`, `open_origin` and `open_subscription` open the store of profiles, the
    campaign service and the source of events; by default they are MongoDB, HTTP and RabbitMQ.
    HTTP is served at once: all three are connected to in the background.

    Raises:
        SystemExit: a setting is wrong; one line names it and what is allowed.
    """
    has_its_own_process = settings is None
    if has_its_own_process:
        refuse_workers()
    known = settings or load(Settings)
    if has_its_own_process:
        set_up_logging(known)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[LifespanState]:
        async with _parts(
            known, open_profiles, open_origin, open_subscription, clock or SystemClock()
        ) as parts:
            if has_its_own_process:
                _spare_the_collector()
            with parts.draining.on_sigterm(known.shutdown_delay):
                yield {"parts": parts, "draining": parts.draining}
            parts.draining.started = True

    ignore_upgrades()
    app = FastAPI(
        title="Profile Matcher: profile service",
        summary="Tells a game's clients which campaigns a player is in.",
        version="1",
        redirect_slashes=False,
        responses=COMMON_ERRORS,
        lifespan=lifespan,
        # The hot route comes first, outside of any included router: those are searched more
        # slowly.
        routes=client_config.router.routes,
        # There is no exporter, and FastAPI would look for one with every request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    answer_errors(app)
    for routes in (explain, overrides, lists, profiles, preview, cache, health, metrics):
        app.include_router(routes.router)
    app.include_router(schema_routes)
    answer_head(app)
    return app


def _spare_the_collector() -> None:
    """Make the garbage collector run less often, and over fewer objects.

    Modules and parts live as long as the process: a collection that visits them takes 30 ms.
    Profiles on their way to a client are many objects without cycles: with Python's default
    threshold, collections took a sixth of the processor's time. A threshold over 10,000 is
    hardly faster, and keeps the objects of closed connections for longer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_FROM)


@asynccontextmanager
async def _parts(
    settings: Settings,
    open_profiles: OpenProfiles,
    open_origin: OpenOrigin,
    open_subscription: OpenSubscription,
    clock: Clock,
) -> AsyncIterator[Parts]:
    """Start everything in the order of need, and stop it in the reverse."""
    if not settings.admin_tokens:
        logger.info("ADMIN_TOKEN is not set: profiles cannot be read or written over HTTP")
    if settings.client_tokens is None:
        logger.info(
            "CLIENT_TOKEN is not set: every client that reaches this service may read any player"
        )
    async with AsyncExitStack() as stack:
        repository = await stack.enter_async_context(open_profiles(settings))
        origin = await stack.enter_async_context(open_origin(settings))
        campaigns = CampaignCache(
            ttl=settings.campaigns_ttl,
            follow_new_store=settings.follow_new_store,
            clock=clock,
            game=settings.game,
        )
        refetcher = Refetcher(campaigns, origin, ttl=settings.campaigns_ttl, clock=clock)
        draining = Draining()
        updates = PendingUpdates(
            repository, writable_position=lambda: writable_position(campaigns), clock=clock
        )
        if settings.persist_active_campaigns:
            stack.push_async_callback(updates.flush)
            await stack.enter_async_context(running(updates.run, name="pending updates"))
        if settings.campaigns_backup is not None:
            last_good = LastGoodFile(
                settings.campaigns_backup,
                campaigns_url=str(settings.campaigns_url),
                clock=clock,
            )
            await last_good.restore(campaigns)
            await stack.enter_async_context(
                running(lambda: last_good.keep(campaigns), name="last-good file")
            )
        handler = EventHandler(campaigns, refetcher, clock=clock)
        subscription = await stack.enter_async_context(open_subscription(settings, handler))
        index = ProfileIndex(repository)
        await stack.enter_async_context(running(index.make, name="profile index"))
        checks = Health(
            repository, index, campaigns, subscription, draining, clock, settings.max_staleness
        )
        await stack.enter_async_context(running(refetcher.run, name="campaign refetches"))
        service = ProfileService(
            profiles=repository,
            cache=campaigns,
            updates=updates if settings.persist_active_campaigns else None,
            hidden_fields=settings.hidden_fields,
            clock=clock,
        )
        stack.push_async_callback(service.close)
        previewing = Previewing(
            profiles=repository,
            cache=campaigns,
            clock=clock,
            seconds=settings.preview_timeout.total_seconds(),
        )
        yield Parts(
            service=service,
            explaining=Explaining(service, campaigns, clock),
            cache=campaigns,
            updates=updates,
            previewing=previewing,
            refetcher=refetcher,
            subscription=subscription,
            health=checks,
            admin_tokens=settings.admin_tokens,
            client_tokens=settings.client_tokens,
            draining=draining,
        )
