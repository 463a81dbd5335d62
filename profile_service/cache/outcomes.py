"""What events and refetches did to the held snapshot, as they are counted."""

from enum import StrEnum

from profile_service.cache.position import Relation


class EventOutcome(StrEnum):
    """The effect of an event on the held snapshot. Each event has one."""

    APPLIED = "applied"
    CONFIRMED = "confirmed"
    DROPPED = "dropped"  # older than the held revision
    ASKED = "asked"  # it names a revision that only the origin can bring
    BEHIND = "behind"  # the held revision with another head: the log was replaced
    FOREIGN = "foreign"  # of another store
    DEAD = "dead"  # unreadable


# A relation that is not here brings news: the event is applied, or the origin is asked.
WITHOUT_NEWS = {
    Relation.SAME: EventOutcome.CONFIRMED,
    Relation.OLDER: EventOutcome.DROPPED,
    Relation.DIVERGED: EventOutcome.BEHIND,
    Relation.FOREIGN: EventOutcome.FOREIGN,
}


class Outcome(StrEnum):
    """The result of a refetch."""

    REPLACED = "replaced"
    CONFIRMED = "confirmed"
    OVERTAKEN = "overtaken"  # an event brought a newer revision while the origin answered
    LAGGING = "lagging"  # a replica that has not read the held revision yet
    BEHIND = "behind"  # the origin's log does not have the held revision
    FOREIGN = "foreign"
    FAILED = "failed"


WORKED = frozenset({Outcome.REPLACED, Outcome.CONFIRMED, Outcome.OVERTAKEN})
