"""Segment: matchers with a name, which campaigns and other segments refer to."""

from typing import Annotated, Any

from pydantic import (
    ConfigDict,
    FieldSerializationInfo,
    JsonValue,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
)

from contracts.campaign import MAX_DESCRIPTION
from contracts.contract import Contract
from contracts.instants import Instant
from contracts.keys import Key
from contracts.matchers import Matchers, UnknownMatchers, WholeMatchers, read_matchers

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


class LoggedSegment(Segment):
    """A segment as it is read from the log: unknown keys and matchers are kept."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, JsonValue]

    @classmethod
    def of(cls, segment: Segment) -> "LoggedSegment":
        """Return a valid segment as the log keeps it."""
        return cls.model_construct(None, **dict(segment))

    @field_validator("matchers", mode="wrap")
    @classmethod
    def _keep_unknown(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Matchers:
        return read_matchers(value, read)

    @field_serializer("matchers", mode="wrap")
    def _write_unknown(
        self, value: Matchers, write: SerializerFunctionWrapHandler, _: FieldSerializationInfo
    ) -> Any:
        return value.source if isinstance(value, UnknownMatchers) else write(value)
