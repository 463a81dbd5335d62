"""Overrides of a player: what may be asked for, and what becomes of the stored ones."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from pydantic import model_validator

from contracts.contract import Contract
from contracts.instants import Instant
from contracts.keys import Key
from contracts.profile import MAX_OVERRIDES, Override
from foundation.errors import Conflict, Invalid, NotFound
from foundation.validation import parse_as
from profile_service.matching.comparing import instant_of
from profile_service.profiles.repository import ProfileDocument

LONGEST = timedelta(days=30)


class OverrideRequest(Contract):
    """An override as it is sent. `until` is in 30 days unless it is named, and never later.

    `variant` goes with `on`: without one the player has the variant that all others would have.
    """

    state: Literal["on", "off"]
    variant: Key | None = None
    until: Instant | None = None

    @model_validator(mode="after")
    def _has_a_variant_only_when_on(self) -> Self:
        if self.state == "off" and self.variant is not None:
            message = "variant goes with state 'on' only"
            raise ValueError(message)
        return self


def valid_override(body: Any, campaign: str, *, actor: str, now: datetime) -> Override:
    """Check an override that was sent, and return the one to store.

    Raises:
        Invalid: naming each field that is wrong.
    """
    sent = parse_as(OverrideRequest, body)
    until = now + LONGEST if sent.until is None else sent.until
    if not now < until <= now + LONGEST:
        raise Invalid.at(
            "until", msg=f"must be in the future, and at most {LONGEST.days} days ahead"
        )
    return Override(
        campaign=campaign,
        state=sent.state,
        variant=sent.variant,
        until=until,
        actor=actor,
        set_at=now,
    )


def in_force(stored: Any, now: datetime) -> list[ProfileDocument]:
    """Return the stored overrides that hold at `now`.

    What is no override is left out: others may have written there, too.
    """
    elements = stored if isinstance(stored, list) else []
    return [each for each in elements if isinstance(each, dict) and _holds(each, now)]


def setting(override: Override, now: datetime) -> Callable[[Any], list[ProfileDocument]]:
    """Return the change of the stored overrides that sets one; those that ended are dropped.

    The change raises Conflict when the player would have too many.
    """
    element = override.model_dump(mode="json", exclude_none=True)

    def change(stored: Any) -> list[ProfileDocument]:
        others = _others(stored, override.campaign, now)
        if len(others) >= MAX_OVERRIDES:
            raise Conflict(
                f"the player has {MAX_OVERRIDES} overrides, and may have no more: remove one first"
            )
        return [*others, element]

    return change


def removing(campaign: str, now: datetime) -> Callable[[Any], list[ProfileDocument]]:
    """Return the change of the stored overrides that removes one; those that ended are dropped.

    The change raises NotFound when the player has no such override.
    """

    def change(stored: Any) -> list[ProfileDocument]:
        others = _others(stored, campaign, now)
        if len(others) == len(in_force(stored, now)):
            raise NotFound("The player has no override of this campaign")
        return others

    return change


def _others(stored: Any, campaign: str, now: datetime) -> list[ProfileDocument]:
    return [each for each in in_force(stored, now) if each["campaign"] != campaign]


def _holds(element: ProfileDocument, now: datetime) -> bool:
    until = instant_of(element.get("until"))
    return (
        type(element.get("campaign")) is str
        and element.get("state") in ("on", "off")
        and until is not None
        and now < until
    )
