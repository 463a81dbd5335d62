"""Segment: matchers with a name, which campaigns and other segments refer to."""

from typing import Annotated

from pydantic import (
    ConfigDict,
    JsonValue,
    StringConstraints,
)

from contracts.campaign import MAX_DESCRIPTION
from contracts.contract import Contract
from contracts.instants import Instant
from contracts.keys import Key
from contracts.matchers import KeepsUnknownMatchers, WholeMatchers

# Segments on a way of references, each in the one before it; the campaign is not counted.
MAX_SEGMENT_NESTING = 3


class Segment(Contract):
    """Players by what they have in common; `name` is its key.

    A player is in the segment when its matchers match. `last_updated` is set by the campaign
    service.
    """

    name: Key
    matchers: WholeMatchers
    description: Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION)] | None = None
    last_updated: Instant | None = None
    # A new field goes last, as in Campaign.


class LoggedSegment(KeepsUnknownMatchers, Segment):
    """A segment as it is read from the log: unknown keys and matchers are kept."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, JsonValue]

    @classmethod
    def of(cls, segment: Segment) -> "LoggedSegment":
        """Return a valid segment as the log keeps it."""
        return cls.model_construct(None, **dict(segment))
