"""Where MongoDB and RabbitMQ are: URLs that are checked before anything connects by them."""

from typing import Annotated, Any

from pydantic import AfterValidator, AmqpDsn, MongoDsn, SecretStr, TypeAdapter, ValidationError
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

MAX_DATABASE_LENGTH = 63

_NOT_IN_DATABASES = frozenset('/\\. "$*<>:|?\0')


def _check_form(kind: Any) -> AfterValidator:
    """Check a URL's form and keep it as it was written: a driver reads it, options and all."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def check(url: SecretStr) -> SecretStr:
        try:
            adapter.validate_python(url.get_secret_value())
        except ValidationError as error:
            raise ValueError(error.errors(include_url=False)[0]["msg"]) from None
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


def _check_database(name: str) -> str:
    if not 1 <= len(name) <= MAX_DATABASE_LENGTH or set(name) & _NOT_IN_DATABASES:
        raise ValueError(
            f"must be 1 to {MAX_DATABASE_LENGTH} characters, none of them a space, a NUL or "
            'one of / \\ . " $ * < > : | ?'
        )
    return name


# Secret, because a URL may hold a password.
MongoUrl = Annotated[SecretStr, _check_form(MongoDsn), AfterValidator(_check_mongo_options)]
AmqpUrl = Annotated[SecretStr, _check_form(AmqpDsn)]
DatabaseName = Annotated[str, AfterValidator(_check_database)]
