"""The preview benchmark counts what the evaluator would count."""

from benchmarks import preview
from benchmarks.servers.existing_servers import Urls
from benchmarks.workload import NOW
from contracts.matchers import Matchers
from profile_service.matching.evaluator import matches

PLAYERS = 1_000


def test_every_preview_is_of_the_players_who_match(mongo_url: str) -> None:
    """The figures are those of right answers, and of some players but not all."""
    result = preview.run(size=PLAYERS, rounds=1, urls=Urls(mongo=mongo_url))
    found = {each.name: each.matching for each in result.measured}
    players = [preview.a_player(number) for number in range(PLAYERS)]
    expected = {
        name: sum(
            matches(
                Matchers.model_validate(each), player, NOW, name="bench", segments=preview.SEGMENTS
            )
            for player in players
        )
        for name, each in preview.PREVIEWS.items()
    }
    assert found == {preview.SCAN: PLAYERS, preview.READ: PLAYERS, **expected}
    assert all(0 < count < PLAYERS for count in expected.values())
    [table] = result.tables
    assert [row[0] for row in table.rows] == [*found]


def test_a_plan_is_told_by_its_stages() -> None:
    """The outermost first, as MongoDB nests them."""
    inner = {"stage": "IXSCAN", "indexName": "lists_1"}
    plan = {"stage": "OR", "inputStages": [{"stage": "FETCH", "inputStage": inner}, inner]}
    assert preview.stages_of({"queryPlan": plan}) == ["OR", "FETCH", "IXSCAN", "IXSCAN"]
    assert preview.stages_of(None) == []
