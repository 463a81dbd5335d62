"""The campaign service's app: what it is made of, and its life from start to stop."""

import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI

from campaign_publisher.api import (
    asyncapi,
    campaigns,
    changes,
    health,
    metrics,
    segments,
    snapshot,
    store,
    validation,
)
from campaign_publisher.campaigns.archiving import archive_ended
from campaign_publisher.campaigns.commits import Committer
from campaign_publisher.dependencies import LifespanState, Parts
from campaign_publisher.log.change import ChangeLog
from campaign_publisher.log.checkpoints import Checkpointer
from campaign_publisher.log.mongo import MongoChangeLog
from campaign_publisher.log.replica import LogReplica, keep_up
from campaign_publisher.publishing.publisher import SnapshotChannel, SnapshotPublisher
from campaign_publisher.publishing.rabbit import open_rabbit_channel
from campaign_publisher.publishing.snapshots import Snapshots
from campaign_publisher.segment_service import SegmentService
from campaign_publisher.service import CampaignService
from campaign_publisher.settings import Settings
from foundation.clock import Clock, SystemClock
from foundation.draining import Draining
from foundation.error_answers import COMMON_ERRORS
from foundation.error_handlers import answer_errors
from foundation.head_requests import answer_head
from foundation.logs import set_up_logging
from foundation.mongo import mongo_database
from foundation.rabbit import OnConnected
from foundation.schema_routes import router as schema_routes
from foundation.settings import load
from foundation.slots import Slots
from foundation.tasks import running
from foundation.upgrades import ignore_upgrades
from foundation.workers import refuse_workers

logger = logging.getLogger(__name__)

MONGO_SECONDS = 5.0
MAX_VALIDATIONS = 2  # at a time: each holds a body of up to 16 MiB

OpenLog = Callable[[Settings], AbstractAsyncContextManager[ChangeLog]]
OpenChannel = Callable[[Settings, OnConnected], AbstractAsyncContextManager[SnapshotChannel]]


@asynccontextmanager
async def open_mongo_log(settings: Settings) -> AsyncIterator[ChangeLog]:
    """Yield the change log in MongoDB; nothing is connected to yet."""
    async with mongo_database(
        settings, seconds=MONGO_SECONDS, app_name="campaign-publisher"
    ) as database:
        yield MongoChangeLog(database)


def open_rabbit(
    settings: Settings, on_connected: OnConnected
) -> AbstractAsyncContextManager[SnapshotChannel]:
    """Return the channel to RabbitMQ; nothing is connected to yet."""
    return open_rabbit_channel(settings.amqp_url.get_secret_value(), on_connected)


def create_app(
    settings: Settings | None = None,
    *,
    open_log: OpenLog = open_mongo_log,
    open_channel: OpenChannel = open_rabbit,
    clock: Clock | None = None,
) -> FastAPI:
    """Return the service's app. Without `settings` they are read from the environment.

    `open_log` and `open_channel` open the change log and the channel that snapshots are
    published to; by default they are MongoDB and RabbitMQ. HTTP is served at once: both are
    connected to in the background.

    Raises:
        SystemExit: a setting is wrong; one line names it and what is allowed.
    """
    if settings is None:
        refuse_workers()
        settings = load(Settings)
        set_up_logging(settings)
    known = settings

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[LifespanState]:
        async with _parts(known, open_log, open_channel, clock or SystemClock()) as parts:
            with parts.draining.on_sigterm(known.shutdown_delay):
                yield {"parts": parts, "draining": parts.draining}
            parts.draining.started = True

    ignore_upgrades()
    app = FastAPI(
        title="Profile Matcher: campaign service",
        summary="Keeps a game's campaigns, and publishes every change of them.",
        version="1",
        # One schema of a campaign for both ways, or /docs would want every field in a PUT.
        separate_input_output_schemas=False,
        redirect_slashes=False,
        responses=COMMON_ERRORS,
        lifespan=lifespan,
    )
    answer_errors(app)
    for routes in (
        campaigns,
        validation,
        segments,
        snapshot,
        changes,
        asyncapi,
        store,
        health,
        metrics,
    ):
        app.include_router(routes.router)
    app.include_router(schema_routes)
    answer_head(app)
    return app


@asynccontextmanager
async def _parts(
    settings: Settings, open_log: OpenLog, open_channel: OpenChannel, clock: Clock
) -> AsyncIterator[Parts]:
    """Start everything in the order of need, and stop it in the reverse."""
    if not settings.admin_tokens:
        logger.info("ADMIN_TOKEN is not set: writes are refused")
    if settings.read_tokens is None:
        logger.info(
            "READ_TOKEN is not set: every client that reaches this service may read campaigns"
        )
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(open_log(settings))
        checkpointer = Checkpointer(log, every=settings.checkpoint_every)
        poll_interval = settings.changes_poll_interval
        replica = LogReplica(
            log, clock=clock, poll_interval=poll_interval, checkpointer=checkpointer
        )
        heartbeat_interval = settings.heartbeat_interval
        snapshots = Snapshots(replica, clock=clock, heartbeat_interval=heartbeat_interval)
        publisher = SnapshotPublisher(snapshots, heartbeat_interval=heartbeat_interval, clock=clock)
        replica.subscribe(publisher.wake)
        channel = await stack.enter_async_context(open_channel(settings, publisher.reconnected))
        committer = Committer(replica, clock=clock)
        tasks: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "change log": partial(keep_up, replica, poll_interval=poll_interval),
            "checkpoints": checkpointer.run,
            "archiving": partial(
                archive_ended, replica, committer, after=settings.archive_after, clock=clock
            ),
            "publisher": partial(publisher.run, channel),
        }
        for name, work in tasks.items():
            await stack.enter_async_context(running(work, name=name))
        yield Parts(
            clock=clock,
            admin_tokens=settings.admin_tokens,
            read_tokens=settings.read_tokens,
            draining=Draining(),
            replica=replica,
            service=CampaignService(replica, committer),
            segments=SegmentService(replica, committer),
            snapshots=snapshots,
            publisher=publisher,
            channel=channel,
            validations=Slots(MAX_VALIDATIONS, "validations"),
        )
