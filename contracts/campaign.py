"""Campaign: what is offered, to whom, and when."""

import math
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import to_json

from contracts.contract import MAX_INTEGER, Contract
from contracts.instants import Instant
from contracts.keys import Key
from contracts.matchers import KeepsUnknownMatchers, Matchers, WholeMatchers

MAX_DESCRIPTION = 2000  # characters
MAX_TAGS = 20
MAX_VARIANTS = 100
MAX_WEIGHT = 1_000_000
MAX_PAYLOAD_BYTES = 32 * 1024
MAX_PAYLOAD_DEPTH = 32


class CampaignStatus(StrEnum):
    """The state of a campaign at an instant."""

    ACTIVE = "active"
    SCHEDULED = "scheduled"
    ENDED = "ended"
    DISABLED = "disabled"
    DRAFT = "draft"


class Stage(StrEnum):
    """Whether a campaign is for players yet; a draft is for those alone whose overrides name it."""

    DRAFT = "draft"
    LIVE = "live"


def _check_payload(value: Any) -> Any:
    """Refuse what the change log could not keep as it was sent, or is too large."""
    _check_storable(value, MAX_PAYLOAD_DEPTH)
    if len(to_json(value)) > MAX_PAYLOAD_BYTES:
        message = f"must not be over {MAX_PAYLOAD_BYTES} bytes of JSON"
        raise ValueError(message)
    return value


def _check_storable(value: Any, depth: int) -> None:
    if depth < 0:
        message = f"must not be nested more than {MAX_PAYLOAD_DEPTH} deep"
        raise ValueError(message)
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str) or key.startswith("$") or "\0" in key:
                message = "must have no key that starts with '$' or holds NUL"
                raise ValueError(message)
            _check_storable(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _check_storable(inner, depth - 1)
    elif isinstance(value, float) and not math.isfinite(value):
        message = "must hold finite numbers"
        raise ValueError(message)
    elif isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        message = "must hold numbers within 64-bit integers"
        raise ValueError(message)


# Checked before it is read as JSON, which is recursive.
Payload = Annotated[JsonValue, BeforeValidator(_check_payload)]


class Variant(Contract):
    """One of several forms of a campaign; `weight` is its share of the sum of all weights."""

    name: Key
    weight: Annotated[int, Field(ge=1, le=MAX_WEIGHT)]
    payload: Payload = None


class Campaign(Contract):
    """An offer or event for some of a game's players; `name` is its key.

    `priority` orders a player's campaigns, highest first. The campaign runs from
    `start_date` (included) to `end_date` (excluded); a missing date is unbounded.
    `last_updated` is set by the campaign service.

    `tags`, `payload` and the variant of the player are for clients that ask for them. Of the
    campaigns of one `group` that a player is in, only the first is in the answer. Each player
    has one of the `variants`. A campaign whose `stage` is draft is nobody's, but for players
    whose overrides name it.
    """

    game: Key
    name: Key
    priority: float = 0.0
    matchers: WholeMatchers = Matchers()
    start_date: Instant | None = None
    end_date: Instant | None = None
    enabled: bool = True
    last_updated: Instant | None = None
    description: Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION)] | None = None
    tags: Annotated[tuple[Key, ...], Field(fail_fast=True, max_length=MAX_TAGS)] | None = None
    payload: Payload = None
    group: Key | None = None
    variants: (
        Annotated[tuple[Variant, ...], Field(fail_fast=True, max_length=MAX_VARIANTS)] | None
    ) = None
    stage: Stage | None = None
    # A new field goes last: a version without it writes the key after all that it knows, and
    # a snapshot stays the same bytes from replicas of both.

    @field_validator("priority", "matchers", "enabled", mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any, known: ValidationInfo) -> Any:
        if value is None and known.field_name is not None:
            return cls.model_fields[known.field_name].default
        return value

    @field_validator("tags", "variants", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        return (tuple(value) or None) if isinstance(value, list | tuple) else value

    @field_validator("stage", mode="before")
    @classmethod
    def _live_is_the_default(cls, value: Any) -> Any:
        # Strict validation takes no text for an enumeration.
        if value is None or value == Stage.LIVE:
            return None
        if value == Stage.DRAFT:
            return Stage.DRAFT
        message = "must be draft or live"
        raise ValueError(message)

    @field_validator("tags")
    @classmethod
    def _tags_differ(cls, value: Any) -> Any:
        _check_unique(value or ())
        return value

    @field_validator("variants")
    @classmethod
    def _variants_differ(cls, value: Any) -> Any:
        _check_unique(variant.name for variant in value or ())
        return value

    @field_validator("end_date")
    @classmethod
    def _ends_after_it_starts(cls, value: datetime | None, known: ValidationInfo) -> Any:
        start = known.data.get("start_date")
        if start and value and start >= value:
            message = "must be later than start_date"
            raise ValueError(message)
        return value

    @property
    def is_draft(self) -> bool:
        """Whether the campaign is a draft."""
        return self.stage is Stage.DRAFT

    def is_active(self, at: datetime) -> bool:
        """Return whether the campaign is enabled and live, and `at` in [start_date, end_date)."""
        return (
            self.enabled
            and not self.is_draft
            and (self.start_date is None or self.start_date <= at)
            and (self.end_date is None or at < self.end_date)
        )

    def has_ended(self, at: datetime) -> bool:
        """Return whether the end date has come; a campaign without one never ends."""
        return self.end_date is not None and self.end_date <= at

    def status(self, at: datetime) -> CampaignStatus:
        """Return the status at `at`; disabled and draft come first, whatever the dates."""
        if not self.enabled:
            return CampaignStatus.DISABLED
        if self.is_draft:
            return CampaignStatus.DRAFT
        if self.has_ended(at):
            return CampaignStatus.ENDED
        if self.is_active(at):
            return CampaignStatus.ACTIVE
        return CampaignStatus.SCHEDULED


def _check_unique(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            message = f"must be different; {name!r} is there twice"
            raise ValueError(message)
        seen.add(name)


class LoggedCampaign(KeepsUnknownMatchers, Campaign):
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
