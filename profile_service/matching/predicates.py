"""Predicates: matchers compiled into functions, for what no lookup of the index decides.

The evaluator is the definition; the tests hold the two equal.
"""

from collections.abc import Iterable, Sequence

from contracts.matchers import Matchers, Rollout, SegmentReference
from contracts.profile import PLAYER_ID_FIELD
from contracts.where import FieldTest
from profile_service.matching.evaluator import has, lacks, level_within
from profile_service.matching.operators import Test, tests_of
from profile_service.matching.paths import Parts, parts_of, values_at
from profile_service.matching.player import Player, Predicate
from profile_service.matching.rollout import bucket_of


def predicate_of(matchers: Matchers, name: str) -> Predicate:
    """Return the predicate of the matchers of a campaign or a segment of that name."""
    return all_of([*_predicates(matchers, name)])


def all_of(predicates: Sequence[Predicate]) -> Predicate:
    """Return the predicate that holds when all do."""
    if len(predicates) == 1:
        return predicates[0]

    def holds(player: Player) -> bool:
        for each in predicates:  # noqa: SIM110 - all() of a generator takes twice as long
            if not each(player):
                return False
        return True

    return holds


def any_of(predicates: Sequence[Predicate]) -> Predicate:
    """Return the predicate that holds when one does."""

    def holds(player: Player) -> bool:
        for each in predicates:  # noqa: SIM110 - as above
            if each(player):
                return True
        return False

    return holds


def none_of(predicates: Sequence[Predicate]) -> Predicate:
    """Return the predicate that holds when none does."""

    def holds(player: Player) -> bool:
        for each in predicates:  # noqa: SIM110 - as above
            if each(player):
                return False
        return True

    return holds


def _predicates(matchers: Matchers, name: str) -> Iterable[Predicate]:
    if (level := matchers.level) is not None:
        yield lambda player: level_within(level, player.profile)
    if (wanted := matchers.has) is not None:
        yield lambda player: has(wanted, player.profile)
    if (unwanted := matchers.does_not_have) is not None:
        yield lambda player: lacks(unwanted, player.profile)
    for path, test in (matchers.where or {}).items():
        yield field_predicate(parts_of(path), test)
    yield from nested_predicates(matchers, name)


def nested_predicates(matchers: Matchers, name: str) -> Iterable[Predicate]:
    """Yield what is to be verified of matchers whose other parts the index looks up."""
    # The cheapest come first: most players fail one of them.
    if matchers.rollout is not None:
        yield _rollout_predicate(matchers.rollout, name)
    if matchers.segment is not None:
        yield from _segment_predicates(matchers.segment)
    if matchers.any is not None:
        yield any_of([predicate_of(each, name) for each in matchers.any])
    for each in matchers.all or ():
        yield predicate_of(each, name)
    if matchers.none is not None:
        yield none_of([predicate_of(each, name) for each in matchers.none])


def field_predicate(parts: Parts, test: FieldTest) -> Predicate:
    """Return the predicate of the tests on one field."""
    return tested(parts, [holds for _, holds in tests_of(test)])


def tested(parts: Parts, tests: Sequence[Test]) -> Predicate:
    """Return the predicate of ready tests on one field."""
    if len(parts) == 1:
        [field] = parts

        def of_field(player: Player) -> bool:
            profile = player.profile
            values = (profile[field],) if field in profile else ()
            return all(holds(values, player.at) for holds in tests)

        return of_field

    def of_path(player: Player) -> bool:
        values = values_at(player.profile, parts)
        return all(holds(values, player.at) for holds in tests)

    return of_path


def _rollout_predicate(rollout: Rollout, name: str) -> Predicate:
    salt, bound = rollout.salt or name, rollout.bound

    def holds(player: Player) -> bool:
        player_id = player.profile.get(PLAYER_ID_FIELD)
        return type(player_id) is str and bucket_of(salt, player_id) < bound

    return holds


def _segment_predicates(reference: SegmentReference) -> Iterable[Predicate]:
    if (listed := reference.any) is not None:
        yield any_of([_membership(name) for name in listed])
    for name in reference.all or ():
        yield _membership(name)
    if (refused := reference.none) is not None:
        yield none_of([_membership(name) for name in refused])


def _membership(name: str) -> Predicate:
    return lambda player: player.is_in(name)


def read_fields(matchers: Matchers) -> set[str]:
    """Return the top-level fields of a profile that the tests read, segments left out."""
    return {parts_of(path)[0] for each in matchers.within() for path in each.where or ()}
