"""Validation: what is wrong with campaigns, and what is probably wrong; nothing is stored."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from campaign_publisher.campaigns.limits import MAX_CAMPAIGN_BYTES
from campaign_publisher.campaigns.lint import Linter, Warned
from campaign_publisher.campaigns.parsing import parse_campaign, written_size
from campaign_publisher.campaigns.references import missing_segments
from contracts.campaign import Campaign
from foundation.errors import Invalid, Problem
from foundation.slices import Steps
from foundation.validation import MAX_KEY_SHOWN


@dataclass(slots=True)
class Checked:
    """What was found in a campaign, by its place in the list.

    `name` is what stands there as its name, which may be wrong, too; None when it is no text.
    """

    index: int
    name: str | None
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)


class Findings:
    """What was found in a list of campaigns: all is counted, the first `limit` of a kind kept."""

    def __init__(self, limit: int) -> None:
        self.campaigns = 0
        self.errors = 0
        self.warnings = 0
        self._limit = limit
        self._results: dict[int, Checked] = {}

    @property
    def results(self) -> list[Checked]:
        """The campaigns in which anything was found that is kept, in the order of the list."""
        return [checked for _, checked in sorted(self._results.items())]

    def add_errors(self, index: int, name: str | None, problems: Sequence[Problem]) -> None:
        """Count the errors of a campaign, and keep those that there is room for."""
        kept = problems[: max(self._limit - self.errors, 0)]
        self.errors += len(problems)
        if kept:
            self._of(index, name).errors += kept

    def add_warnings(self, index: int, name: str, warnings: Sequence[Warned]) -> None:
        """Count the warnings about a campaign, and keep those that there is room for."""
        kept = warnings[: max(self._limit - self.warnings, 0)]
        self.warnings += len(warnings)
        if kept:
            self._of(index, name).warnings += kept

    def _of(self, index: int, name: str | None) -> Checked:
        return self._results.setdefault(index, Checked(index, name))


def validated(
    values: Iterable[object],
    now: datetime,
    *,
    stored: Mapping[str, Campaign] | None = None,
    segments: AbstractSet[str] | None = None,
    limit: int = sys.maxsize,
) -> Steps[Findings]:
    """Return what is found in each campaign of a list, beside the others and the `stored` ones.

    A stored campaign of the same name counts as replaced. Without `segments`, the names of all
    that there are, references to segments are not looked at.
    """
    found = Findings(limit)
    sound: dict[str, tuple[int, Campaign]] = {}
    for index, value in enumerate(values):
        found.campaigns += 1
        problems: list[Problem] = []
        campaign = _parsed(value, problems)
        if campaign is not None:
            if campaign.name in sound:
                message = "is the name of an earlier campaign in the list"
                problems.append({"loc": ["name"], "msg": message})
            else:
                sound[campaign.name] = (index, campaign)
            if segments is not None:
                problems += missing_segments(campaign.matchers, segments)
        found.add_errors(index, _name_in(value), problems)
        yield
    linter = Linter(now)
    for name, campaign in (stored or {}).items():
        if name not in sound:
            linter.add(campaign)
            yield
    for _, campaign in sound.values():
        linter.add(campaign)
        yield
    for index, campaign in sound.values():
        found.add_warnings(index, campaign.name, linter.warnings(campaign))
        yield
    return found


def _parsed(value: object, problems: list[Problem]) -> Campaign | None:
    try:
        # Before it is validated: to find all problems of one of 16 MiB takes seconds.
        if written_size(value) > MAX_CAMPAIGN_BYTES:
            raise Invalid.at(msg=f"must not be over {MAX_CAMPAIGN_BYTES} bytes")
        return parse_campaign(value)
    except Invalid as error:
        problems += error.problems
        return None


def _name_in(value: object) -> str | None:
    name = value.get("name") if isinstance(value, dict) else None
    return name[:MAX_KEY_SHOWN] if isinstance(name, str) else None
