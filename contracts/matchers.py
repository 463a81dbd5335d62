"""Matchers: the conditions of a campaign or a segment on a player."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FieldSerializationInfo,
    JsonValue,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_validator,
)

from contracts.contract import MAX_INTEGER, Contract
from contracts.keys import Key
from contracts.where import FieldTest, Path

MAX_NESTING = 5  # of any, all and none inside each other
MAX_CONDITIONS = 200  # of a campaign or a segment
BUCKETS = 10_000  # that players are spread over by a rollout

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


def _as_names(value: Any) -> Any:
    if isinstance(value, list | tuple):
        if not value:
            message = "must not be empty; leave it out"
            raise ValueError(message)
        return tuple(value)
    return value


Names = Annotated[
    tuple[Key, ...],
    Field(fail_fast=True, max_length=MAX_CONDITIONS, json_schema_extra={"minItems": 1}),
    BeforeValidator(_as_names),
]


class SegmentReference(Contract):
    """Segments by name: the player is in any of `any`, in all of `all`, in none of `none`."""

    any: Names | None = None
    all: Names | None = None
    none: Names | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any(self.names()):
            message = "must name at least one segment in any, all or none"
            raise ValueError(message)
        return self

    def names(self) -> Iterator[str]:
        """Yield the name of every segment that is referred to, as often as it is."""
        for listed in (self.any, self.all, self.none):
            yield from listed or ()


def _check_percent(percent: float) -> float:
    # By the shortest text of the number: 0.07 is seven hundredths, whatever its binary form.
    if Decimal(str(percent)) % Decimal("0.01"):
        message = "must have at most two decimal places"
        raise ValueError(message)
    return percent


class Rollout(Contract):
    """A share of all players, the same ones for the same salt.

    `percent` is from 0 to 100, with at most two decimal places. `salt` is by default the name
    of the campaign or the segment.
    """

    percent: Annotated[int | float, Field(ge=0, le=100), AfterValidator(_check_percent)]
    salt: Key | None = None

    @property
    def bound(self) -> int:
        """The number of buckets, from 0 on, whose players are in."""
        return round(self.percent * BUCKETS / 100)


class Matchers(Contract):
    """The conditions on a player: all must hold, and an absent one always does.

    `has`: the player has all of `items`, and each other field is one of its list.
    `does_not_have`: the player has none of `items`, and no other field is in its list.
    `where`: tests on fields by dotted path. `any`, `all` and `none`: one or more, all, and none
    of the listed matchers match. `segment`: segments that the player is in, or is not.
    `rollout`: the player is in that share of all players.
    """

    level: LevelRange | None = None
    has: Conditions | None = None
    does_not_have: Conditions | None = None
    where: Annotated[dict[Path, FieldTest], Field(max_length=MAX_CONDITIONS)] | None = None
    any: "Listed | None" = None
    all: "Listed | None" = None
    none: "Listed | None" = None
    segment: SegmentReference | None = None
    rollout: Rollout | None = None

    @field_validator("where", mode="wrap")
    @classmethod
    def _tests_fields(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, dict):
            return read(value)
        if not value:
            message = "must test at least one field; leave it out to match everyone"
            raise ValueError(message)
        if len(value) > MAX_CONDITIONS:  # to name each mistake of very many takes long
            message = f"must test at most {MAX_CONDITIONS} fields"
            raise ValueError(message)
        tests = read(value)
        if len(tests) < len(value):
            message = "must test a field once; two paths are the same after Unicode NFC"
            raise ValueError(message)
        return tests

    @field_validator("any", "all", "none", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        if not value:
            message = "must not be empty; leave it out"
            raise ValueError(message)
        return tuple(value)

    def within(self) -> "Iterator[Matchers]":
        """Yield these matchers, and those in any, all and none, however deep."""
        yield self
        for listed in (self.any, self.all, self.none):
            for each in listed or ():
                yield from each.within()

    def segments(self) -> set[str]:
        """Return the names of the segments that are referred to, however deep."""
        return {name for each in self.within() if each.segment for name in each.segment.names()}

    @property
    def conditions(self) -> int:
        """The number of conditions, however deep; matchers in a list count as one at least."""
        listed = islice(self.within(), 1, None)
        return _own_conditions(self) + sum(max(_own_conditions(each), 1) for each in listed)


Listed = Annotated[tuple[Matchers, ...], Field(fail_fast=True, max_length=MAX_CONDITIONS)]
Matchers.model_rebuild()


class UnknownMatchers(Matchers):
    """Matchers that this version cannot read, kept as they were read in `source`.

    They match nobody: to leave out a matcher that is not understood would widen a campaign.
    """

    source: JsonValue  # an object or a list


def _own_conditions(matchers: Matchers) -> int:
    listed = sum(
        getattr(conditions, field) is not None
        for conditions in (matchers.has, matchers.does_not_have)
        if conditions is not None
        for field in Conditions.model_fields
    )
    operators = sum(1 for test in (matchers.where or {}).values() for _ in test.operators())
    segments = sum(1 for _ in matchers.segment.names()) if matchers.segment else 0
    single = (matchers.level is not None) + (matchers.rollout is not None)
    return listed + operators + segments + single


def _check_nesting(value: Any) -> Any:
    """Refuse what is nested too deeply, or is too much, before it is read, which is recursive."""
    level: list[Any] = [value]
    found = 0
    for _ in range(MAX_NESTING + 1):
        level = [*islice(_nested(level), MAX_CONDITIONS + 1)]
        if not level:
            return value
        found += len(level)
        if found > MAX_CONDITIONS:  # each counts as one at least
            message = f"must have at most {MAX_CONDITIONS} conditions"
            raise ValueError(message)
    message = f"any, all and none must not be nested more than {MAX_NESTING} deep"
    raise ValueError(message)


def _nested(level: Iterable[Any]) -> Iterator[Any]:
    for each in level:
        for key in ("any", "all", "none"):
            listed = each.get(key) if isinstance(each, dict) else getattr(each, key, None)
            if isinstance(listed, list | tuple):
                yield from listed


def _check_conditions(matchers: Matchers) -> Matchers:
    if matchers.conditions > MAX_CONDITIONS:
        message = f"must have at most {MAX_CONDITIONS} conditions; these have {matchers.conditions}"
        raise ValueError(message)
    return matchers


# The matchers of a campaign or a segment, as a whole.
WholeMatchers = Annotated[
    Matchers, BeforeValidator(_check_nesting), AfterValidator(_check_conditions)
]


class KeepsUnknownMatchers(Contract):
    """A model whose `matchers` are UnknownMatchers where this version cannot read them.

    What services read, and a client's body is not: there unknown matchers are an error.
    """

    @field_validator("matchers", mode="wrap", check_fields=False)
    @classmethod
    def _keep_unknown(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Matchers:
        return _read_matchers(value, read)

    @field_serializer("matchers", mode="wrap", check_fields=False)
    def _write_unknown(
        self, value: Matchers, write: SerializerFunctionWrapHandler, _: FieldSerializationInfo
    ) -> Any:
        return value.source if isinstance(value, UnknownMatchers) else write(value)


def _read_matchers(value: Any, read: ValidatorFunctionWrapHandler) -> Matchers:
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
