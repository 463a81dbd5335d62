"""Profile: a player as it is written, and the rule of what a store can keep."""

from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from contracts.contract import MAX_INTEGER, Received
from contracts.instants import Instant, parse_instant
from contracts.keys import Key

MAX_DEVICES = 1000
MAX_LISTS = 1000
MAX_OVERRIDES = 100
MAX_FOREIGN = 100  # of an object's foreign fields are named: each takes long
MAX_DEPTH = 64  # BSON stops at 100, and what reads a profile should not have to recurse deeply
CUSTOM_PREFIX = "_"
RESERVED_KEY = "_id"

PLAYER_ID_FIELD = "player_id"
ACTIVE_CAMPAIGNS_FIELD = "active_campaigns"
LISTS_FIELD = "lists"
OVERRIDES_FIELD = "overrides"
# What the service writes itself. A write of a profile keeps these fields as they are stored,
# and the profile's ETag covers none of them.
SERVICE_FIELDS = (ACTIVE_CAMPAIGNS_FIELD, LISTS_FIELD, OVERRIDES_FIELD)

_Container = dict[str, Any] | list[Any]
# Asked of every value: `int | float` in its place would be made anew each time.
_NUMBERS = (int, float)
_CONTAINERS = (dict, list)


def _check_instant(text: str) -> str:
    parse_instant(text)
    return text


# Kept as the text that was sent: a profile is stored value for value.
InstantText = Annotated[
    str, AfterValidator(_check_instant), Field(json_schema_extra={"format": "date-time"})
]
Text = Annotated[str, Field(max_length=4096)]
Whole = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
# Amounts are compared as they were sent, so that 400 does not become 400.0.
Amount = Annotated[int | float, Field(ge=0, le=MAX_INTEGER)]


class _Document(BaseModel):
    """A model with the known fields of a document, and custom ones that start with `_`."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _foreign_fields_are_custom(self) -> Self:
        foreign = [*islice(filter(_is_foreign, self.model_extra or ()), MAX_FOREIGN)]
        if foreign:
            refused = PydanticCustomError(
                "foreign_field",
                "is not known here; allowed: {known}, and custom fields, whose names start "
                "with '_' and are not '_id'",
                {"known": ", ".join(type(self).model_fields)},
            )
            raise ValidationError.from_exception_data(
                "Profile",
                [InitErrorDetails(type=refused, loc=(name,), input=None) for name in foreign],
            )
        return self


def _is_foreign(name: str) -> bool:
    return not name.startswith(CUSTOM_PREFIX) or name == RESERVED_KEY


class Device(_Document):
    """A device that the player plays on."""

    id: int | Text | None = None
    model: Text | None = None
    carrier: Text | None = None
    firmware: Text | None = None


class Clan(_Document):
    """The clan that the player belongs to."""

    id: int | Text | None = None
    name: Text | None = None


class Override(Received):
    """Whether a tester is in a campaign or out of it until a time, whatever its matchers say.

    `variant` is the one that the player gets while `state` is `on`. `actor` is the name of the
    token that set it, at `set_at`. Unknown keys are ignored: a later version may have stored them.
    """

    campaign: Key
    state: Literal["on", "off"]
    variant: Key | None = None
    until: Instant
    actor: str
    set_at: Instant


class Profile(_Document):
    """A player's profile. Every field but `player_id` may be missing or null.

    Dates are RFC 3339 text. There are at most 1,000 devices. `inventory` maps an item to
    how many the player has; zero is the same as not having it. `active_campaigns`, `lists`
    (the names of player lists, at most 1,000) and `overrides` (at most 100) are the service's
    own: what is sent is checked and then ignored. Of a list or a map that is wrong the first
    entry is named.
    """

    player_id: Key
    credential: Text | None = None
    created: InstantText | None = None
    modified: InstantText | None = None
    last_session: InstantText | None = None
    total_spent: Amount | None = None
    total_refund: Amount | None = None
    total_transactions: Whole | None = None
    last_purchase: InstantText | None = None
    active_campaigns: Annotated[list[str], Field(fail_fast=True)] | None = None
    devices: Annotated[list[Device], Field(max_length=MAX_DEVICES, fail_fast=True)] | None = None
    level: Whole | None = None
    xp: Whole | None = None
    total_playtime: Amount | None = None
    country: Text | None = None
    language: Text | None = None
    birthdate: InstantText | None = None
    gender: Text | None = None
    inventory: Annotated[dict[str, Amount], Field(fail_fast=True)] | None = None
    clan: Clan | None = None
    lists: Annotated[list[Key], Field(max_length=MAX_LISTS, fail_fast=True)] | None = None
    overrides: Annotated[list[Override], Field(max_length=MAX_OVERRIDES, fail_fast=True)] | None = (
        None
    )


class NotStorable(ValueError):
    """A store cannot keep what stands at `path`; the text says what it can."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


def check_storable(document: dict[str, Any]) -> None:
    """Check that a document parsed from JSON can be stored and read back value for value.

    Raises:
        NotStorable: a key is empty, holds a NUL or a `.`, or starts with `$`; a number is
            outside the 64-bit integers; or the nesting is deeper than 64.
    """
    path: list[str | int] = []
    walks = [iter(_children(document))]
    while walks:  # not by recursion: a document may be nested deeper than the stack
        for key, value in walks[-1]:
            problem = _problem(key, value, len(walks))
            if problem is not None:
                raise NotStorable((*path, key), problem)
            if value and isinstance(value, _CONTAINERS):
                path.append(key)
                walks.append(iter(_children(value)))
                break
        else:
            walks.pop()
            del path[-1:]


def _problem(key: str | int, value: Any, depth: int) -> str | None:
    if depth > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH}"
    if isinstance(key, str) and (not key or key[0] == "$" or "." in key or "\0" in key):
        return "a key must not be empty, hold '.' or NUL, or start with '$'"
    if isinstance(value, _NUMBERS) and not _is_storable(value):
        return "numbers must be within 64-bit integers"
    return None


def _children(container: _Container) -> Iterable[tuple[str | int, Any]]:
    return container.items() if isinstance(container, dict) else enumerate(container)


def _is_storable(number: float) -> bool:
    """Return whether a number fits BSON's 64-bit integers.

    A JSON integer beyond them reaches us rounded to a float, which may be -2**63
    itself: it would not be stored as it was sent.
    """
    return -MAX_INTEGER <= number <= MAX_INTEGER or (
        number == -MAX_INTEGER - 1 and isinstance(number, int)
    )
