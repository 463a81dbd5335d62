"""Campaign: what is offered, to whom, and when."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    ConfigDict,
    Field,
    FieldSerializationInfo,
    JsonValue,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_validator,
)

from contracts.contract import MAX_INTEGER, Contract
from contracts.instants import Instant
from contracts.keys import Key

Value = Annotated[str, StringConstraints(min_length=1, max_length=256)]
# To name each of very many wrong values takes long: the first is named.
Values = Annotated[tuple[Value, ...], Field(fail_fast=True, json_schema_extra={"minItems": 1})]
Level = Annotated[int, Field(ge=0, le=MAX_INTEGER)]


class LevelRange(Contract):
    """Player levels from `min` to `max`, both included; a missing bound is open."""

    min: Level | None = None
    max: Level | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min is None and self.max is None:
            message = "needs min, max or both; leave level out to match every level"
            raise ValueError(message)
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f"min ({self.min}) must not be greater than max ({self.max})"
            raise ValueError(message)
        return self


class Conditions(Contract):
    """Lists of values to compare a profile's fields with; at least one list.

    `country`, `language` and `gender` are compared with the field of that name,
    `items` with the keys of the profile's inventory whose quantity is above zero.
    """

    country: Values | None = None
    language: Values | None = None
    gender: Values | None = None
    items: Values | None = None

    @field_validator("country", "language", "gender", "items", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        if not value:
            message = "must not be empty; leave it out to match everyone"
            raise ValueError(message)
        return tuple(value)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.country or self.language or self.gender or self.items):
            message = "must name at least one list; leave it out to match everyone"
            raise ValueError(message)
        return self


class Matchers(Contract):
    """The conditions of a campaign on a player: all must hold, and an absent one always does.

    `has`: the player has all of `items`, and each other field is one of its list.
    `does_not_have`: the player has none of `items`, and no other field is in its list.
    """

    level: LevelRange | None = None
    has: Conditions | None = None
    does_not_have: Conditions | None = None


class UnknownMatchers(Matchers):
    """Matchers that this version cannot read, kept as they were read in `source`.

    They match nobody: to leave out a matcher that is not understood would widen a campaign.
    """

    source: JsonValue  # an object or a list


class CampaignStatus(StrEnum):
    """The state of a campaign at an instant."""

    ACTIVE = "active"
    SCHEDULED = "scheduled"
    ENDED = "ended"
    DISABLED = "disabled"


class Campaign(Contract):
    """An offer or event for some of a game's players; `name` is its key.

    `priority` orders a player's campaigns, highest first. The campaign runs from
    `start_date` (included) to `end_date` (excluded); a missing date is unbounded.
    `last_updated` is set by the campaign service.
    """

    game: Key
    name: Key
    priority: float = 0.0
    matchers: Matchers = Matchers()
    start_date: Instant | None = None
    end_date: Instant | None = None
    enabled: bool = True
    last_updated: Instant | None = None
    # A new field goes last: a version without it writes the key after all that it knows, and
    # a snapshot stays the same bytes from replicas of both.

    @field_validator("priority", "matchers", "enabled", mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any, known: ValidationInfo) -> Any:
        if value is None and known.field_name is not None:
            return cls.model_fields[known.field_name].default
        return value

    @field_validator("end_date")
    @classmethod
    def _ends_after_it_starts(cls, value: datetime | None, known: ValidationInfo) -> Any:
        start = known.data.get("start_date")
        if start and value and start >= value:
            message = "must be later than start_date"
            raise ValueError(message)
        return value

    def is_active(self, at: datetime) -> bool:
        """Return whether the campaign is enabled and `at` lies in [start_date, end_date)."""
        return (
            self.enabled
            and (self.start_date is None or self.start_date <= at)
            and (self.end_date is None or at < self.end_date)
        )

    def has_ended(self, at: datetime) -> bool:
        """Return whether the end date has come; a campaign without one never ends."""
        return self.end_date is not None and self.end_date <= at

    def status(self, at: datetime) -> CampaignStatus:
        """Return the status at `at`; a disabled campaign is disabled whatever its dates."""
        if not self.enabled:
            return CampaignStatus.DISABLED
        if self.has_ended(at):
            return CampaignStatus.ENDED
        if self.is_active(at):
            return CampaignStatus.ACTIVE
        return CampaignStatus.SCHEDULED


class LoggedCampaign(Campaign):
    """A campaign as it is read from the log: unknown keys and matchers are kept.

    A change that a later version wrote is copied, checkpointed and published by this one
    without a loss.
    """

    model_config = ConfigDict(extra="allow")

    # A database could hold values here that no JSON, and so no snapshot, can be made of.
    __pydantic_extra__: dict[str, JsonValue]

    @classmethod
    def of(cls, campaign: Campaign) -> "LoggedCampaign":
        """Return a valid campaign as the log keeps it."""
        return cls.model_construct(None, **dict(campaign))

    @property
    def unknown(self) -> dict[str, JsonValue]:
        """The keys that this version does not know, with their values."""
        return self.model_extra or {}

    @field_validator("matchers", mode="wrap")
    @classmethod
    def _keep_unknown(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Matchers:
        return read_matchers(value, read)

    @field_serializer("matchers", mode="wrap")
    def _write_unknown(
        self, value: Matchers, write: SerializerFunctionWrapHandler, _: FieldSerializationInfo
    ) -> Any:
        return value.source if isinstance(value, UnknownMatchers) else write(value)


def read_matchers(value: Any, read: ValidatorFunctionWrapHandler) -> Matchers:
    """Return the matchers that `read` makes of a value, or UnknownMatchers when it refuses it.

    Raises:
        ValidationError: the value is no JSON object or list, and so no matchers of any version.
    """
    try:
        matchers: Matchers = read(value)
    except ValidationError:
        if not isinstance(value, dict | list):
            raise
        return UnknownMatchers(source=value)
    return matchers
