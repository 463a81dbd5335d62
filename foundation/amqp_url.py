"""AMQP_URL, checked before anything connects by it."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import AfterValidator, AmqpDsn, SecretStr

from foundation.url_form import STRIPPED, check_form

MAX_HEARTBEAT = 65534  # the driver takes what is over it for 0, which is none


def _check_options(url: SecretStr) -> SecretStr:
    """Refuse options that the driver ignores, or that fail only when it connects.

    With `heartbeat=1O` it would connect without a heartbeat. No value is repeated: when the
    password is not encoded, it may be a part of the password.
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


# The options that the driver uses; each check returns what a value must be, or None.
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


# Secret, because a URL may hold a password.
AmqpUrl = Annotated[
    SecretStr,
    STRIPPED,
    check_form(AmqpDsn, example="amqp://USER:PASSWORD@HOST:5672/"),
    AfterValidator(_check_options),
]
