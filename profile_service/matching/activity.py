"""Activity: which campaigns are active at a time."""

from collections.abc import Sequence
from datetime import UTC, datetime

from foundation.slices import Steps
from profile_service.matching.bits import bits_of
from profile_service.matching.rules import Rule

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class Activity:
    """The active campaigns, found anew only when a start or an end date has passed.

    `always` has the campaigns without dates; `periods` has place, start and end of the others.
    """

    def __init__(
        self, always: int, periods: Sequence[tuple[int, datetime, datetime | None]], size: int
    ) -> None:
        self._always = always
        self._periods = periods
        self._size = size
        self._active = 0
        self._since, self._until = _LAST, _FIRST

    def at(self, moment: datetime) -> int:
        """Return the campaigns that have started at `moment` and not ended, as bits."""
        if not self._since <= moment < self._until:
            self._find(moment)
        return self._active

    def _find(self, moment: datetime) -> None:
        since, until = _FIRST, _LAST
        active = []
        for place, start, end in self._periods:
            if start > moment:
                until = min(until, start)
                continue
            since = max(since, start)
            if end is None or moment < end:
                active.append(place)
                until = until if end is None else min(until, end)
            else:
                since = max(since, end)
        self._active = self._always | bits_of(active, self._size)
        self._since, self._until = since, until


def activity(rules: Sequence[Rule]) -> Steps[Activity]:
    """Build the activity of rules by place; a rule that is not enabled is never active."""
    always: list[int] = []
    periods: list[tuple[int, datetime, datetime | None]] = []
    for place, rule in enumerate(rules):
        if rule.enabled and rule.start is None and rule.end is None:
            always.append(place)
        elif rule.enabled:
            periods.append((place, rule.start or _FIRST, rule.end))
        yield
    return Activity(bits_of(always, len(rules)), periods, len(rules))
