"""Settings from the environment: types that both services use, and how they are loaded."""

import sys
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AmqpDsn,
    BeforeValidator,
    Field,
    MongoDsn,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from foundation.tokens import Tokens

Loaded = TypeVar("Loaded", bound=BaseSettings)

_DURATION = TypeAdapter(timedelta)
DURATION_RULE = "a number of seconds such as 300 or 0.5, or an ISO 8601 duration such as PT5M"


def parse_duration(value: Any) -> timedelta:
    """Read seconds (`300`, pydantic alone refuses the text) or an ISO 8601 duration (`PT5M`).

    Raises:
        ValueError: the value is neither; the message says what is allowed.
    """
    try:
        if isinstance(value, str):
            with suppress(ValueError):
                value = float(value)
        return _DURATION.validate_python(value)
    except ValueError:
        raise ValueError(f"must be {DURATION_RULE}") from None


def _positive(value: timedelta) -> timedelta:
    if not timedelta() < value <= timedelta(days=36500):
        raise ValueError(f"must be longer than nothing: {DURATION_RULE}")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_positive)]


class MongoDriver(StrEnum):
    """Which of the two async drivers talks to MongoDB; both do the same."""

    MOTOR = "motor"
    PYMONGO = "pymongo"


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(StrEnum):
    """Log lines for people or for machines."""

    TEXT = "text"
    JSON = "json"


def _check_url(kind: Any) -> AfterValidator:
    """Check a URL's form and keep it as it was written: a driver reads it, options and all."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def check(url: SecretStr) -> SecretStr:
        try:
            adapter.validate_python(url.get_secret_value())
        except ValidationError as error:
            raise ValueError(error.errors(include_url=False)[0]["msg"]) from None
        return url

    return AfterValidator(check)


def _check_tokens(text: SecretStr) -> SecretStr:
    Tokens.parse(text.get_secret_value(), variable="")
    return text


# Secret, because a URL may hold a password.
MongoUrl = Annotated[SecretStr, _check_url(MongoDsn)]
AmqpUrl = Annotated[SecretStr, _check_url(AmqpDsn)]
TokenList = Annotated[SecretStr, AfterValidator(_check_tokens)]


class ServiceSettings(BaseSettings):
    """What both services need to know. Each field is the environment variable of its name."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)

    mongo_url: MongoUrl = SecretStr("mongodb://localhost:27017")
    mongo_database: Annotated[str, Field(pattern=r'^[^/\\. "$*<>:|?\x00]{1,63}$')] = (
        "profile_matcher"
    )
    mongo_driver: MongoDriver = MongoDriver.MOTOR
    amqp_url: AmqpUrl = SecretStr("amqp://guest:guest@localhost:5672/")
    admin_token: TokenList = SecretStr("")
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.TEXT
    # How long readiness is red before a stop begins, so that a load balancer sees it.
    shutdown_delay: Annotated[timedelta, BeforeValidator(parse_duration), Field(ge=timedelta())] = (
        timedelta(seconds=1)
    )

    @property
    def admin_tokens(self) -> Tokens:
        """The tokens that allow writes."""
        return Tokens.parse(self.admin_token.get_secret_value(), variable="ADMIN_TOKEN")


def load(settings: type[Loaded]) -> Loaded:
    """Read the settings from the environment.

    Raises:
        SystemExit: a value is wrong. One line for each names the variable, the value
            (unless it is secret) and what is allowed.
    """
    try:
        return settings()
    except ValidationError as error:
        lines = [_describe(settings, found) for found in error.errors(include_url=False)]
        sys.exit("\n".join(lines))


def _describe(settings: type[BaseSettings], found: Any) -> str:
    name = str(found["loc"][0])
    annotation = settings.model_fields[name].annotation if name in settings.model_fields else None
    value = "(hidden)" if annotation is SecretStr else repr(found["input"])
    return f"{name.upper()}={value}: {found['msg'].removeprefix('Value error, ')}"
