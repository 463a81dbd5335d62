"""The development stack: both services in one process, with nothing else to install.

Where MONGO_URL is not set, campaigns and profiles are kept in a SQLite file; where
AMQP_URL is not set, snapshots are handed over directly. Otherwise the real servers are
used.
"""

import asyncio
import logging
import secrets
import socket
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from pydantic import HttpUrl, SecretStr

import campaign_publisher.main
import campaign_publisher.settings
import profile_service.main
import profile_service.settings
from devstack.first_start import EXAMPLE_PLAYER, load_examples_once
from devstack.handover import Handover
from devstack.log_lines import Unrepeated
from devstack.servers import StackFailed, listening, run_until_signal, serving
from devstack.sqlite_log import open_sqlite_log
from devstack.sqlite_profiles import open_sqlite_profiles
from foundation.logs import set_up_logging
from foundation.settings import LogLevel, ServiceSettings, check, load
from foundation.tokens import first_secret

FILE_NAME = "profile-matcher.sqlite"
PATIENCE_SECONDS = 3.0

_Settings = TypeVar("_Settings", bound=ServiceSettings)


@dataclass(frozen=True)
class Options:
    """Where the stack listens and keeps its file. Port 0 is any free port."""

    data: Path
    host: str
    campaigns_port: int
    profiles_port: int


@dataclass(frozen=True)
class Running:
    """The addresses and the token of a stack that listens.

    `token` is an admin token; `token_is_new` is whether it was made for this run, and
    `mongo_is_given` whether the data is in the MongoDB of MONGO_URL.
    """

    campaigns_url: str
    profiles_url: str
    token: str
    token_is_new: bool
    mongo_is_given: bool
    example: str = EXAMPLE_PLAYER


class Announcer(Protocol):
    """Shows the progress of a stack to a person."""

    def started(self, running: Running) -> None:
        """Both services listen."""
        ...

    def waiting(self, running: Running) -> None:
        """They have not been ready for some seconds."""
        ...

    def ready(self, running: Running, *, loaded_examples: bool) -> None:
        """Both are ready."""
        ...


@dataclass(frozen=True)
class StackSettings:
    """The settings of both services."""

    campaigns: campaign_publisher.settings.Settings
    profiles: profile_service.settings.Settings

    @classmethod
    def load(cls) -> Self:
        """Return them from the environment. In an event loop a wrong one would be a traceback.

        Raises:
            SystemExit: a value is wrong; one line names it. Both services' are shown together.
        """
        check(campaign_publisher.settings.Settings, profile_service.settings.Settings)
        return cls(
            load(campaign_publisher.settings.Settings), load(profile_service.settings.Settings)
        )


@dataclass(frozen=True)
class _Plan:
    """The settings in full, and what stands in for the servers that are not given."""

    settings: StackSettings
    campaign_seams: dict[str, Any]
    profile_seams: dict[str, Any]


async def serve(options: Options, settings: StackSettings, announcer: Announcer) -> None:
    """Run both services until SIGINT or SIGTERM; the profile service is stopped first.

    Raises:
        StackFailed: a port or the file cannot be used, or a service does not start.
    """
    with (
        listening(
            options.host, options.campaigns_port, option="--campaigns-port"
        ) as campaigns_listener,
        listening(
            options.host, options.profiles_port, option="--profiles-port"
        ) as profiles_listener,
    ):
        await run_until_signal(
            _serve(options, settings, campaigns_listener, profiles_listener, announcer)
        )


async def _serve(
    options: Options,
    settings: StackSettings,
    campaigns_listener: socket.socket,
    profiles_listener: socket.socket,
    announcer: Announcer,
) -> None:
    campaigns_url, profiles_url = _url(campaigns_listener), _url(profiles_listener)
    new_token = secrets.token_hex(16)
    plan = _plan(options, settings, campaigns_url, new_token)
    token = first_secret(plan.settings.campaigns.admin_token.get_secret_value())
    running = Running(
        campaigns_url,
        profiles_url,
        token,
        token_is_new=token == new_token,
        mongo_is_given="open_log" not in plan.campaign_seams,
    )
    set_up_logging(plan.settings.campaigns)
    for handler in logging.root.handlers:
        handler.addFilter(Unrepeated())
    campaigns = campaign_publisher.main.create_app(plan.settings.campaigns, **plan.campaign_seams)
    profiles = profile_service.main.create_app(plan.settings.profiles, **plan.profile_seams)
    async with (
        serving(campaigns, campaigns_listener, name="the campaign service") as campaigns_task,
        serving(profiles, profiles_listener, name="the profile service") as profiles_task,
    ):
        announcer.started(running)
        loop = asyncio.get_running_loop()
        patience = loop.call_later(PATIENCE_SECONDS, announcer.waiting, running)
        try:
            loaded = await load_examples_once(campaigns_url, profiles_url, token)
        finally:
            patience.cancel()
        announcer.ready(running, loaded_examples=loaded)
        await asyncio.wait({campaigns_task, profiles_task}, return_when=asyncio.FIRST_COMPLETED)
        raise StackFailed("a service stopped by itself")


def _plan(options: Options, settings: StackSettings, campaigns_url: str, new_token: str) -> _Plan:
    defaults = {
        "admin_token": SecretStr(new_token),
        "log_level": LogLevel.WARNING,
        "shutdown_delay": timedelta(),
    }
    campaigns = _with_defaults(settings.campaigns, defaults)
    profiles = _with_defaults(settings.profiles, {**defaults, "follow_new_store": True}).model_copy(
        update={"campaigns_url": HttpUrl(campaigns_url)}
    )
    campaign_seams: dict[str, Any] = {}
    profile_seams: dict[str, Any] = {}
    if "mongo_url" not in campaigns.model_fields_set:
        file = _file_in(options.data)
        campaign_seams["open_log"] = lambda _: open_sqlite_log(file)
        profile_seams["open_profiles"] = lambda _: open_sqlite_profiles(file)
    if "amqp_url" not in campaigns.model_fields_set:
        handover = Handover()
        campaign_seams["open_channel"] = handover.open_channel
        profile_seams["open_subscription"] = handover.open_subscription
    return _Plan(StackSettings(campaigns, profiles), campaign_seams, profile_seams)


def _with_defaults(settings: _Settings, defaults: dict[str, Any]) -> _Settings:
    """Put in what the environment does not set."""
    missing = defaults.keys() - settings.model_fields_set
    if not settings.admin_tokens:
        missing |= {"admin_token"}
    return settings.model_copy(update={name: defaults[name] for name in missing})


def _file_in(folder: Path) -> Path:
    """Make the folder and the file in it, and check that it can be written.

    Raises:
        StackFailed: it cannot, or is no SQLite database.
    """
    file = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
    except (OSError, sqlite3.Error) as error:
        raise StackFailed(f"{file} cannot be used: {error}") from error
    return file


def _url(listener: socket.socket) -> str:
    """Return the address at which this machine reaches a listener."""
    host, port = listener.getsockname()[:2]
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is asked for
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"
