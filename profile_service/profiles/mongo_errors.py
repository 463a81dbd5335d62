"""The driver's errors as those of the repository."""

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import OperationFailure, PyMongoError

from profile_service.profiles.repository import ProfilesUnavailable, ProfileUnreadable


@contextmanager
def translating() -> Iterator[None]:
    """Turn the driver's errors in the block into the repository's."""
    try:
        yield
    except PyMongoError as error:
        raise ProfilesUnavailable(_name_of(error)) from error
    except BSONError as error:
        raise ProfileUnreadable(type(error).__name__) from error


def _name_of(error: PyMongoError) -> str:
    """Return an error's name and the server's code for it: its text may hold anything."""
    name = type(error).__name__
    if isinstance(error, OperationFailure):
        code_name = (error.details or {}).get("codeName", "")
        return f"{name} {error.code} {code_name}".rstrip()
    return name
