"""Predicates of other predicates: all of them, any, and none."""

from collections.abc import Sequence

from profile_service.matching.player import Player, Predicate

# Two are the usual case, and a loop takes twice as long; so does all() of a generator.
_TWO = 2


def all_of(predicates: Sequence[Predicate]) -> Predicate:
    """Return the predicate that holds when all do."""
    if len(predicates) == 1:
        return predicates[0]
    if len(predicates) == _TWO:
        one, other = predicates
        return lambda player: one(player) and other(player)

    def holds(player: Player) -> bool:
        for each in predicates:  # noqa: SIM110
            if not each(player):
                return False
        return True

    return holds


def any_of(predicates: Sequence[Predicate]) -> Predicate:
    """Return the predicate that holds when one does."""
    if len(predicates) == 1:
        return predicates[0]
    if len(predicates) == _TWO:
        one, other = predicates
        return lambda player: one(player) or other(player)

    def holds(player: Player) -> bool:
        for each in predicates:  # noqa: SIM110
            if each(player):
                return True
        return False

    return holds


def none_of(predicates: Sequence[Predicate]) -> Predicate:
    """Return the predicate that holds when none does."""
    holds = any_of(predicates)
    return lambda player: not holds(player)
