"""What came of an event and of a refetch, as they are counted."""

from enum import StrEnum


class EventOutcome(StrEnum):
    """What an event did to the held snapshot. Each event has one."""

    APPLIED = "applied"
    CONFIRMED = "confirmed"
    DROPPED = "dropped"  # older than what is held
    ASKED = "asked"  # it names a revision without its campaigns: the origin is asked
    BEHIND = "behind"  # the held revision with another head: the log was replaced
    FOREIGN = "foreign"  # of another store
    DEAD = "dead"  # nobody could read it


class Outcome(StrEnum):
    """What a refetch came to."""

    REPLACED = "replaced"
    CONFIRMED = "confirmed"
    OVERTAKEN = "overtaken"  # an event brought something newer while the origin answered
    BEHIND = "behind"
    FOREIGN = "foreign"
    FAILED = "failed"


WORKED = frozenset({Outcome.REPLACED, Outcome.CONFIRMED, Outcome.OVERTAKEN})
