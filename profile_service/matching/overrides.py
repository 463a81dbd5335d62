"""Overrides: the campaigns that a tester is in or not in, whatever the matchers say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from contracts.profile import OVERRIDES_FIELD
from profile_service.matching.comparing import instant_of


class Override(NamedTuple):
    """The state of one campaign for one player, and the variant where one is chosen."""

    is_on: bool
    variant: str | None


def overrides_of(profile: Mapping[str, Any], at: datetime) -> dict[str, Override]:
    """Return the overrides of a stored profile that hold at `at`, by the campaign's name.

    What is no override is passed over: others may have written there, too.
    """
    stored = profile.get(OVERRIDES_FIELD)
    found: dict[str, Override] = {}
    for each in stored if isinstance(stored, list) else ():
        if not isinstance(each, dict) or each.get("state") not in {"on", "off"}:
            continue
        campaign, until = each.get("campaign"), instant_of(each.get("until"))
        if type(campaign) is str and until is not None and at < until:
            variant = each.get("variant")
            is_on = each["state"] == "on"
            found[campaign] = Override(is_on, variant if type(variant) is str else None)
    return found
