"""What a contender is: something that finds a player's campaigns."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from contracts.campaign import Campaign
from contracts.matchers import Conditions

Evaluate = Callable[[], Iterable[str]]
Prepare = Callable[[Sequence[Campaign], Mapping[str, Any]], Evaluate]


class NotInstalled(Exception):
    """The contender's package is not there; it is in the group `bench`."""


@dataclass(frozen=True)
class Contender:
    """A way to evaluate all campaigns for one player.

    `prepare` takes in the campaigns and the player, which is not measured; what it gives
    names the campaigns that are on. The campaigns' dates are left out by those that know
    none: all campaigns that are measured are active.

    Raises:
        NotInstalled: by `prepare`, when its package is missing.
    """

    name: str
    prepare: Prepare


def package(name: str) -> Any:
    """Return a contender's package, which has no types of its own.

    Raises:
        NotInstalled: it is missing.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise NotInstalled(f"{name} is not installed: uv sync --group bench") from error


def lists_of(conditions: Conditions | None) -> dict[str, tuple[str, ...]]:
    """Return the scalar fields that are listed, without the items."""
    listed = conditions.model_dump(exclude_none=True, exclude={"items"}) if conditions else {}
    return {field: tuple(values) for field, values in listed.items()}


def items_of(conditions: Conditions | None) -> tuple[str, ...]:
    """Return the items that are listed."""
    return (conditions.items or ()) if conditions else ()
