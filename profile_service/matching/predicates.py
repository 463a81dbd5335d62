"""Predicates: matchers compiled into functions, for what no lookup of the index decides.

The evaluator is the definition; the tests hold the two equal.
"""

from collections.abc import Iterable

from contracts.matchers import Matchers, Rollout, SegmentReference
from contracts.where import FieldTest
from profile_service.matching.combining import all_of, any_of, none_of
from profile_service.matching.evaluator import has, lacks, level_within
from profile_service.matching.field_predicates import operator_predicate
from profile_service.matching.paths import parts_of
from profile_service.matching.player import Player, Predicate
from profile_service.matching.rollout import bucket_for


def predicate_of(matchers: Matchers, name: str) -> Predicate:
    """Return the predicate of the matchers of a campaign or a segment of that name."""
    return all_of([*_predicates(matchers, name)])


def _predicates(matchers: Matchers, name: str) -> Iterable[Predicate]:
    if (level := matchers.level) is not None:
        yield lambda player: level_within(level, player.profile)
    if (wanted := matchers.has) is not None:
        yield lambda player: has(wanted, player.profile)
    if (unwanted := matchers.does_not_have) is not None:
        yield lambda player: lacks(unwanted, player.profile)
    for path, test in (matchers.where or {}).items():
        yield field_predicate(path, test)
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


def field_predicate(path: str, test: FieldTest) -> Predicate:
    """Return the predicate of the tests on one field."""
    return all_of(
        [
            operator_predicate(path, name, expected, ignore_case=bool(test.ignore_case))
            for name, expected in test.operators()
        ]
    )


def _rollout_predicate(rollout: Rollout, name: str) -> Predicate:
    bound = rollout.bound
    in_bucket = bucket_for(rollout.salt or name)

    def holds(player: Player) -> bool:
        player_id = player.id
        return player_id is not None and in_bucket(player_id) < bound

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
