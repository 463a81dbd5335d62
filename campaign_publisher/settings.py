"""What the campaign service can be told by its environment."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from foundation.durations import Duration
from foundation.settings import ServiceSettings


class Settings(ServiceSettings):
    """The campaign service's settings; each field is the environment variable of its name.

    `heartbeat_interval` is how often the service says that nothing changed,
    `changes_poll_interval` how often it looks for changes that others made, and
    `checkpoint_every` the number of changes between two checkpoints.
    """

    heartbeat_interval: Duration = timedelta(seconds=60)
    changes_poll_interval: Duration = timedelta(seconds=1)
    checkpoint_every: Annotated[int, Field(ge=1)] = 500
