"""Settings of the campaign service. Each field is the environment variable of its name."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from foundation.durations import Duration
from foundation.settings import ServiceSettings


def _check_count(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Read a count; the message names all that is allowed, whatever is wrong."""
    try:
        return read(value)
    except ValidationError:
        raise ValueError("must be a whole number, 1 at least") from None


Count = Annotated[int, Field(ge=1), WrapValidator(_check_count)]


class Settings(ServiceSettings):
    """The campaign service's settings.

    `heartbeat_interval` is the time between two heartbeats, `changes_poll_interval` the time
    between two reads of the changes of other replicas,
    `checkpoint_every` the number of changes between two checkpoints, and `archive_after`
    how long ago a campaign must have ended to be archived.
    """

    heartbeat_interval: Duration = timedelta(seconds=60)
    changes_poll_interval: Duration = timedelta(seconds=1)
    checkpoint_every: Count = 500
    archive_after: Duration = timedelta(days=7)
