"""The matching benchmark compares what gives the same answers."""

import pytest

from benchmarks.contenders.all import CONTENDERS, GROWTHBOOK, INDEX, PLAIN_LOOP
from benchmarks.contenders.contender import Contender, NotInstalled
from benchmarks.matching import Disagreement, agreeing, run
from benchmarks.targeting import targeted_campaigns
from benchmarks.workload import MATCHES, campaigns, player


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
def test_every_contender_finds_the_same_campaigns(contender: Contender) -> None:
    """Each library, told the campaigns in its own terms, names those of the evaluator."""
    try:
        evaluate = agreeing(contender, list(campaigns(200)))
    except NotInstalled as error:
        pytest.skip(str(error))
    assert len(list(evaluate())) == MATCHES


@pytest.mark.parametrize("contender", [PLAIN_LOOP, GROWTHBOOK], ids=lambda each: each.name)
def test_the_whole_language_is_the_same_to_others(contender: Contender) -> None:
    """Campaigns of the whole language are told to others in their terms; both name the same."""
    sample = list(targeted_campaigns(400))
    parts = {part for each in sample for part in each.matchers.model_dump(exclude_none=True)}
    assert parts >= {"where", "any", "none", "segment", "rollout", "level", "has"}
    try:
        evaluate = agreeing(contender, sample)
    except NotInstalled as error:
        pytest.skip(str(error))
    assert len(list(evaluate())) == MATCHES


def test_a_contender_that_answers_otherwise_ends_the_benchmark() -> None:
    """A contender that leaves out a campaign is not measured."""
    incomplete = Contender("incomplete", lambda sample, profile: INDEX.prepare(sample[1:], profile))
    with pytest.raises(Disagreement, match="incomplete"):
        agreeing(incomplete, list(campaigns(20)))


def test_gives_a_cost_for_each_size() -> None:
    """A run gives the time of our index and of the plain loop at every size."""
    result = run((10, 50), seconds=0.0)
    costs = {row[0]: row[1:] for row in result.tables[0].rows}
    assert all(isinstance(cell, float) and cell > 0 for cell in costs[INDEX.name])
    assert all(isinstance(cell, float) and cell > 0 for cell in costs["plain loop"])


def test_the_same_player_is_in_the_same_campaigns_at_every_size() -> None:
    """More campaigns leave the player's as they are, and their order too."""
    few, many = (INDEX.prepare(list(campaigns(size)), player())() for size in (50, 500))
    assert list(few) == list(many)
    assert set(few) == set(player()["active_campaigns"])
