"""FieldTest: the operators that a campaign applies to one field of a profile."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Annotated, Any, Self

from packaging.version import InvalidVersion, Version
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from contracts.contract import MAX_INTEGER, Contract
from contracts.instants import Instant

MAX_PATH_LENGTH = 256
_MAX_RAW_PATH_LENGTH = 4 * MAX_PATH_LENGTH  # before normalisation
MAX_TEXT_LENGTH = 256
MAX_VALUES = 10_000
# What the service writes itself: a campaign that read it would depend on its own answers.
UNREADABLE_FIELDS = ("active_campaigns", "overrides")

DURATION_RULE = "an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as P7D"
LONGEST = timedelta(days=36500)

PATH_RULE = (
    f"a dotted path of 1 to {MAX_PATH_LENGTH} characters such as clan.id, with no empty part and "
    f"no part that starts with '$', not in {' or '.join(UNREADABLE_FIELDS)}"
)

# A month or a year is no fixed time.
_DURATION = re.compile(
    r"P(?=.)(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?"
    r"(?:(?P<seconds>\d{1,10}(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)

# A text, a number or a boolean that a field's value is compared with.
Scalar = str | int | float | bool
NUMBERS = (int, float)


def parse_duration(text: str) -> timedelta:
    """Return the time that an ISO 8601 duration stands for.

    Raises:
        ValueError: the text is none, or is longer than 100 years; the message says what is allowed.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        message = f"must be {DURATION_RULE}"
        raise ValueError(message)
    parts = {unit: float(number) for unit, number in found.groupdict().items() if number}
    duration = timedelta(**parts)
    if duration > LONGEST:
        message = "must be at most 100 years (P36500D)"
        raise ValueError(message)
    return duration


def parse_version(text: str) -> Version:
    """Return a version after PEP 440, as `packaging` reads it: 1.10.0, 2024.1, 1.2.3-beta.

    Raises:
        ValueError: the text is none.
    """
    try:
        return Version(text if len(text) <= MAX_TEXT_LENGTH else "")
    except InvalidVersion:
        message = "must be a version such as 1.10.0, 2024.1 or 1.2.3-beta"
        raise ValueError(message) from None


def _check_path(path: str) -> str:
    # What is far too long is refused without normalising it.
    normal = unicodedata.normalize("NFC", path) if len(path) <= _MAX_RAW_PATH_LENGTH else ""
    parts = normal.split(".")
    if (
        not 1 <= len(normal) <= MAX_PATH_LENGTH
        or not all(parts)
        or any(part.startswith("$") for part in parts)
        or "\0" in normal
        or parts[0] in UNREADABLE_FIELDS
    ):
        message = f"must be {PATH_RULE}"
        raise ValueError(message)
    return normal


def _check_scalar(value: Any) -> Any:
    if isinstance(value, str):
        normal = unicodedata.normalize("NFC", value[: 4 * MAX_TEXT_LENGTH])
        if len(value) <= 4 * MAX_TEXT_LENGTH and len(normal) <= MAX_TEXT_LENGTH:
            return normal
        message = f"must be at most {MAX_TEXT_LENGTH} characters long"
        raise ValueError(message)
    if isinstance(value, bool):
        return value
    if isinstance(value, NUMBERS):
        return _check_number(value)
    message = "must be a string, a number, true or false"
    raise ValueError(message)


def _check_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, NUMBERS):
        message = "must be a number"
        raise ValueError(message)  # noqa: TRY004 - pydantic makes a ValidationError of it
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        message = "must be within 64-bit integers"
        raise ValueError(message)
    return value


def _check_values(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        message = "must be a list of strings, numbers, true or false"
        raise ValueError(message)  # noqa: TRY004 - pydantic makes a ValidationError of it
    if not 1 <= len(value) <= MAX_VALUES:
        message = f"must have 1 to {MAX_VALUES:,} values"
        raise ValueError(message)
    checked: list[Any] = []
    for number, each in enumerate(value):
        try:
            checked.append(_check_scalar(each))
        except ValueError as error:
            refused = PydanticCustomError("value", "{message}", {"message": str(error)})
            raise ValidationError.from_exception_data(
                "FieldTest", [InitErrorDetails(type=refused, loc=(number,), input=None)]
            ) from None
    return tuple(checked)


def _check_text(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _check_duration(value: Any) -> Any:
    # Anything but text is refused by the same rule, which says what is allowed.
    parse_duration(value if isinstance(value, str) else "")
    return value


def _check_version(value: Any) -> Any:
    parse_version(value if isinstance(value, str) else "")
    return value


def _or_absent(check: Callable[[Any], Any]) -> BeforeValidator:
    """Return the validator of a field that may be null, which is the same as absent."""
    return BeforeValidator(lambda value: None if value is None else check(value))


Path = Annotated[
    str,
    Field(json_schema_extra={"minLength": 1, "maxLength": _MAX_RAW_PATH_LENGTH}),
    AfterValidator(_check_path),
]
_SCALAR_SCHEMA = {"type": ["string", "number", "boolean", "null"]}
_VALUES_SCHEMA = {
    "type": ["array", "null"],
    "items": {"type": ["string", "number", "boolean"]},
    "minItems": 1,
    "maxItems": MAX_VALUES,
}
_Scalar = Annotated[Any, _or_absent(_check_scalar), WithJsonSchema(_SCALAR_SCHEMA)]
_Number = Annotated[Any, _or_absent(_check_number), WithJsonSchema({"type": ["number", "null"]})]
_Values = Annotated[Any, _or_absent(_check_values), WithJsonSchema(_VALUES_SCHEMA)]
_Part = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH), AfterValidator(_check_text)]
_Duration = Annotated[
    str, BeforeValidator(_check_duration), Field(json_schema_extra={"format": "duration"})
]
_Version = Annotated[
    str, BeforeValidator(_check_version), Field(json_schema_extra={"maxLength": MAX_TEXT_LENGTH})
]

# The operators that `ignore_case` is about.
TEXT_OPERATORS = ("starts_with", "ends_with", "contains")


class FieldTest(Contract):
    """Operators on the value of one field of a profile: all must hold, and at least one is named.

    Over a list each operator holds when it holds for any element; `ne` and `not_in` are the
    negation of `eq` and `in`. A missing field, null, or a value of a type that an operator
    cannot compare fails every operator but `exists: false`, `ne` and `not_in`.

    `within` and `older_than` are durations before the time of evaluation: a later date is
    neither. `before` and `after` are instants. Versions are compared after PEP 440.
    `ignore_case` is for `starts_with`, `ends_with` and `contains`.
    """

    # `in` is a word of Python's.
    model_config = ConfigDict(serialize_by_alias=True)

    eq: _Scalar = None
    ne: _Scalar = None
    in_: _Values = Field(default=None, alias="in")
    not_in: _Values = None
    gt: _Number = None
    gte: _Number = None
    lt: _Number = None
    lte: _Number = None
    starts_with: _Part | None = None
    ends_with: _Part | None = None
    contains: _Part | None = None
    ignore_case: bool | None = None
    exists: bool | None = None
    before: Instant | None = None
    after: Instant | None = None
    within: _Duration | None = None
    older_than: _Duration | None = None
    version_gt: _Version | None = None
    version_gte: _Version | None = None
    version_lt: _Version | None = None
    version_lte: _Version | None = None
    version_eq: _Version | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_no_bare_value(cls, value: Any) -> Any:
        if isinstance(value, dict | FieldTest):
            return value
        message = 'must be a JSON object of operators, such as {"eq": ...} or {"in": [...]}'
        raise ValueError(message)

    @model_validator(mode="after")
    def _is_a_test(self) -> Self:
        named = dict(self.operators())
        if self.ignore_case is not None and not any(each in named for each in TEXT_OPERATORS):
            message = f"ignore_case stands beside one of {', '.join(TEXT_OPERATORS)} only"
            raise ValueError(message)
        if not named:
            message = f"must name at least one operator; allowed: {', '.join(OPERATORS)}"
            raise ValueError(message)
        return self

    def operators(self) -> Iterator[tuple[str, Any]]:
        """Yield each operator that is named, with the value that it compares with."""
        for name, field in _FIELDS.items():
            value = getattr(self, field)
            if value is not None:
                yield name, value


# The fields of the model by the names of the operators, in the order of the documentation.
_FIELDS = {
    field.alias or name: name
    for name, field in FieldTest.model_fields.items()
    if name != "ignore_case"
}
OPERATORS = (*_FIELDS,)
