"""Settings from the environment: those that both services have, and how they are loaded."""

import re
import sys
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from foundation.amqp_url import AmqpUrl
from foundation.durations import Delay
from foundation.mongo_url import DatabaseName, MongoUrl
from foundation.tokens import TokenList, Tokens
from foundation.validation import message_of

Loaded = TypeVar("Loaded", bound=BaseSettings)

_WITH_PASSWORD = re.compile("//.*@", re.DOTALL)


class MongoDriver(StrEnum):
    """Which of the two async drivers talks to MongoDB; both do the same."""

    MOTOR = "motor"
    PYMONGO = "pymongo"


class LogLevel(StrEnum):
    """The least severe level that is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"

    @classmethod
    def _missing_(cls, value: object) -> "LogLevel | None":
        """Return the level of this name, in upper or lower case."""
        return cls.__members__.get(str(value).upper())


class LogFormat(StrEnum):
    """Log lines for people or for machines."""

    TEXT = "text"
    JSON = "json"


class ServiceSettings(BaseSettings):
    """The settings of both services. Each field is the environment variable of its name."""

    # An empty variable counts as unset: compose files pass on `${VARIABLE:-}`.
    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", case_sensitive=False, env_ignore_empty=True
    )

    mongo_url: MongoUrl = SecretStr("mongodb://localhost:27017")
    mongo_database: DatabaseName = "profile_matcher"
    mongo_driver: MongoDriver = MongoDriver.MOTOR
    amqp_url: AmqpUrl = SecretStr("amqp://guest:guest@localhost:5672/")
    admin_token: TokenList = SecretStr("")
    read_token: TokenList = SecretStr("")
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.TEXT
    # How long readiness is red before a stop begins, so that a load balancer sees it.
    shutdown_delay: Delay = timedelta(seconds=1)

    @property
    def admin_tokens(self) -> Tokens:
        """The tokens that allow writes."""
        return self._tokens("admin_token")

    @property
    def read_tokens(self) -> Tokens | None:
        """The tokens that allow reading campaigns, an admin's too; None where all may."""
        tokens = self._tokens("read_token")
        return tokens | self.admin_tokens if tokens else None

    def _tokens(self, field: str) -> Tokens:
        secret: SecretStr = getattr(self, field)
        return Tokens.parse(secret.get_secret_value(), variable=field.upper())


def load(settings: type[Loaded]) -> Loaded:
    """Read the settings from the environment.

    Raises:
        SystemExit: a value is wrong. One line for each names the variable, the value
            (unless it is secret) and what is allowed.
    """
    check(settings)
    return settings()


def check(*kinds: type[BaseSettings]) -> None:
    """Check the environment against all of these settings together.

    Raises:
        SystemExit: as `load` does; a problem that several of them share is named once.
    """
    lines = dict.fromkeys(line for kind in kinds for line in _problems(kind))
    if lines:
        sys.exit("\n".join(lines))


def _problems(settings: type[BaseSettings]) -> list[str]:
    try:
        settings()
    except ValidationError as error:
        return [_describe(settings, found) for found in error.errors(include_url=False)]
    return []


def _describe(settings: type[BaseSettings], found: Any) -> str:
    name = str(found["loc"][0])
    is_secret = settings.model_fields[name].annotation is SecretStr
    is_secret |= _WITH_PASSWORD.search(str(found["input"])) is not None
    value = "(hidden)" if is_secret else repr(found["input"])
    message = message_of(found)
    return f"{name.upper()}={value}: {message}"
