"""Overrides: the campaigns that a tester is in or not in, whatever the matchers say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from contracts.profile import OVERRIDES_FIELD
from profile_service.matching.comparing import instant_of


class Override(NamedTuple):
    """The state of one campaign for one player, and the variant where one is chosen.

    It holds until just before `until`; `actor` is who set it, where that is known.
    """

    is_on: bool
    variant: str | None
    until: datetime
    actor: str | None


def overrides_of(profile: Mapping[str, Any], at: datetime) -> dict[str, Override]:
    """Return the overrides of a stored profile that hold at `at`, by the campaign's name.

    What is no override is passed over: others may have written there, too.
    """
    stored = profile.get(OVERRIDES_FIELD)
    found: dict[str, Override] = {}
    for each in stored if isinstance(stored, list) else ():
        if not isinstance(each, dict):
            continue
        campaign, state = each.get("campaign"), each.get("state")
        until = instant_of(each.get("until"))
        if type(campaign) is not str or until is None or until <= at:
            continue
        # By equality: others may have stored what has no hash.
        if state == "on" or state == "off":  # noqa: PLR1714
            found[campaign] = Override(
                state == "on", _text(each.get("variant")), until, _text(each.get("actor"))
            )
    return found


def _text(value: object) -> str | None:
    return value if type(value) is str else None
