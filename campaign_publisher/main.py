"""The campaign service's app: everything is made, connected and released here."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI

from campaign_publisher.api import asyncapi, campaigns, changes, health, metrics, snapshot, store
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
from foundation.settings import load
from foundation.tasks import running
from foundation.upgrades import ignore_upgrades
from foundation.workers import refuse_workers

logger = logging.getLogger(__name__)

MONGO_SECONDS = 5.0

OpenLog = Callable[[Settings], AbstractAsyncContextManager[ChangeLog]]
OpenChannel = Callable[[Settings, OnConnected], AbstractAsyncContextManager[SnapshotChannel]]


@asynccontextmanager
async def open_mongo_log(settings: Settings) -> AsyncIterator[ChangeLog]:
    """Yield the change log in MongoDB; nothing is connected to yet."""
    # Appends are repeated by the committer, which must know of every attempt: a driver's own
    # repetition can be refused although its first attempt was made.
    async with mongo_database(
        settings, seconds=MONGO_SECONDS, app_name="campaign-publisher", retry_writes=False
    ) as database:
        yield MongoChangeLog(database)


def create_app(
    settings: Settings | None = None,
    *,
    open_log: OpenLog = open_mongo_log,
    open_channel: OpenChannel = open_rabbit_channel,
    clock: Clock | None = None,
) -> FastAPI:
    """Make the app. Without settings they are read from the environment.

    HTTP is served at once; the log is loaded and RabbitMQ connected to behind it.

    Raises:
        SystemExit: a setting is wrong; the message names it.
    """
    if settings is None:
        refuse_workers()
        settings = load(Settings)
        set_up_logging(settings)
    ignore_upgrades()
    app = FastAPI(
        title="Profile Matcher: campaign service",
        summary="Keeps a game's campaigns, and publishes every change of them.",
        version="1",
        # One schema of a campaign for both ways, or /docs would want every field in a PUT.
        separate_input_output_schemas=False,
        redirect_slashes=False,
        responses=COMMON_ERRORS,
        lifespan=_lifespan(settings, open_log, open_channel, clock or SystemClock()),
    )
    answer_errors(app)
    for routes in (campaigns, snapshot, changes, asyncapi, store, health, metrics):
        app.include_router(routes.router)
    answer_head(app)
    return app


def _lifespan(
    settings: Settings, open_log: OpenLog, open_channel: OpenChannel, clock: Clock
) -> Callable[[FastAPI], AbstractAsyncContextManager[LifespanState]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[LifespanState]:
        draining = Draining()
        if not settings.admin_tokens:
            logger.info("ADMIN_TOKEN is not set: writes are refused")
        if settings.read_tokens is None:
            logger.info("READ_TOKEN is not set: whoever reaches this service may read campaigns")
        async with AsyncExitStack() as stack:
            log = await stack.enter_async_context(open_log(settings))
            checkpointer = Checkpointer(log, every=settings.checkpoint_every)
            replica = LogReplica(
                log,
                clock=clock,
                poll_interval=settings.changes_poll_interval,
                checkpointer=checkpointer,
            )
            snapshots = Snapshots(
                replica, clock=clock, heartbeat_interval=settings.heartbeat_interval
            )
            publisher = SnapshotPublisher(
                snapshots, heartbeat_interval=settings.heartbeat_interval, clock=clock
            )
            replica.subscribe(publisher.wake)
            channel = await stack.enter_async_context(open_channel(settings, publisher.reconnected))
            following = partial(keep_up, replica, poll_interval=settings.changes_poll_interval)
            publishing = partial(publisher.run, channel)
            await stack.enter_async_context(running(following, name="change log"))
            await stack.enter_async_context(running(checkpointer.run, name="checkpoints"))
            committer = Committer(replica, clock=clock)
            archive = partial(
                archive_ended, replica, committer, after=settings.archive_after, clock=clock
            )
            await stack.enter_async_context(running(archive, name="archiving"))
            await stack.enter_async_context(running(publishing, name="publisher"))
            stack.enter_context(draining.on_sigterm(settings.shutdown_delay))
            parts = Parts(
                clock=clock,
                admin_tokens=settings.admin_tokens,
                read_tokens=settings.read_tokens,
                draining=draining,
                replica=replica,
                service=CampaignService(replica, committer),
                snapshots=snapshots,
                publisher=publisher,
                channel=channel,
            )
            yield {"parts": parts, "draining": draining}

    return lifespan
