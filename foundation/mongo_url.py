"""MONGO_URL and MONGO_DATABASE, checked before anything connects by them."""

from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import AfterValidator, MongoDsn, SecretStr
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from foundation.url_form import STRIPPED, check_form

MAX_DATABASE_LENGTH = 63

_NOT_IN_DATABASES = frozenset('/\\. "$*<>:|?\0')
# With these a write that was acknowledged may be lost when the primary changes.
_UNSAFE = {
    "w": ({"0", "1"}, "w must be majority, or be left out"),
    "journal": ({"false"}, "journal must be true, or be left out"),
    "j": ({"false"}, "j must be true, or be left out"),
}


def _check_options(url: SecretStr) -> SecretStr:
    """Refuse what the driver would only warn of, and what makes writes unsafe.

    With `tls=maybe` the driver would connect without TLS.
    """
    text = url.get_secret_value()
    for option, value in parse_qsl(text.partition("?")[2]):
        unsafe, message = _UNSAFE.get(option.lower(), (set(), ""))
        if value.lower() in unsafe:
            raise ValueError(message)
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
    STRIPPED,
    check_form(MongoDsn, example="mongodb://USER:PASSWORD@HOST:27017/"),
    AfterValidator(_check_options),
]
DatabaseName = Annotated[str, AfterValidator(_check_database)]
