"""Where MongoDB and RabbitMQ are: URLs that are checked before anything connects by them."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

from pydantic import AfterValidator, AmqpDsn, MongoDsn, SecretStr, TypeAdapter, ValidationError
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

MAX_DATABASE_LENGTH = 63
MAX_HEARTBEAT = 65534  # the driver takes what is over it for 0, which is none

_NOT_IN_DATABASES = frozenset('/\\. "$*<>:|?\0')


def _check_form(kind: Any, *, example: str) -> AfterValidator:
    """Check a URL's form and keep it as it was written: a driver reads it, options and all."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def check(url: SecretStr) -> SecretStr:
        try:
            adapter.validate_python(url.get_secret_value())
        except ValidationError:
            raise ValueError(f"must be a URL such as {example}") from None
        return url

    return AfterValidator(check)


def _check_mongo_options(url: SecretStr) -> SecretStr:
    """Refuse what the driver would only warn of: with `tls=maybe` it connects without TLS."""
    text = url.get_secret_value()
    if text.startswith("mongodb+srv:"):  # its hosts would be looked up here and now
        return url
    try:
        parse_uri(text, warn=False)
    except OSError as error:
        raise ValueError(f"names a file that cannot be read: {error.strerror}") from None
    except (PyMongoError, ValueError):
        raise ValueError(
            "must be a MongoDB URL with options that the driver knows, user and password "
            "percent-encoded"
        ) from None
    return url


def _check_amqp_options(url: SecretStr) -> SecretStr:
    """Refuse what the driver would overlook, or meet only when it connects, again and again.

    With `heartbeat=1O` it would connect without a heartbeat. No value is repeated: of a URL
    whose password is not encoded it may be a part.
    """
    query = url.get_secret_value().partition("?")[2].partition("#")[0]
    for option, value in parse_qsl(query, keep_blank_values=True):
        if option not in _AMQP_OPTIONS:
            raise ValueError(f"must be an AMQP URL with options {', '.join(_AMQP_OPTIONS)}")
        problem = _AMQP_OPTIONS[option](value)
        if problem:
            raise ValueError(f"{option} must be {problem}")
    return url


def _seconds(value: str) -> str | None:
    is_number = value.isascii() and value.isdecimal() and len(value) <= len(str(MAX_HEARTBEAT))
    if is_number and 1 <= int(value) <= MAX_HEARTBEAT:
        return None
    return f"1 to {MAX_HEARTBEAT} seconds, a whole number"


def _readable_file(value: str) -> str | None:
    try:
        with Path(value).open("rb"):
            return None
    except OSError as error:
        return f"a file that can be read: {error.strerror}"


def _folder(value: str) -> str | None:
    return None if Path(value).is_dir() else "a folder"


def _switch(value: str) -> str | None:
    return None if value in {"0", "1"} else "0 or 1"


def _anything(_: str) -> str | None:
    return None


# What the driver has uses for, and what is wrong with a value, if anything is.
_AMQP_OPTIONS: dict[str, Callable[[str], str | None]] = {
    "heartbeat": _seconds,
    "cafile": _readable_file,
    "capath": _folder,
    "cadata": _anything,
    "certfile": _readable_file,
    "keyfile": _readable_file,
    "no_verify_ssl": _switch,
    "auth": _anything,
    "name": _anything,
}


def _check_database(name: str) -> str:
    if not 1 <= len(name) <= MAX_DATABASE_LENGTH or set(name) & _NOT_IN_DATABASES:
        raise ValueError(
            f"must be 1 to {MAX_DATABASE_LENGTH} characters, none of them a space, a NUL or "
            'one of / \\ . " $ * < > : | ?'
        )
    return name


# Secret, because a URL may hold a password.
MongoUrl = Annotated[
    SecretStr,
    _check_form(MongoDsn, example="mongodb://USER:PASSWORD@HOST:27017/"),
    AfterValidator(_check_mongo_options),
]
AmqpUrl = Annotated[
    SecretStr,
    _check_form(AmqpDsn, example="amqp://USER:PASSWORD@HOST:5672/"),
    AfterValidator(_check_amqp_options),
]
DatabaseName = Annotated[str, AfterValidator(_check_database)]
