"""Rollouts and variants: which players are in, and that they stay."""

from collections import Counter
from itertools import pairwise
from typing import Any

import mmh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.matchers import Matchers, Rollout
from profile_service.matching.evaluator import matches, takes
from profile_service.matching.rollout import bucket_of, variant_of
from testbed.builders import NOW
from tests.strategies import keys

PLAYERS = 20_000
MANY = 1_000_000


def players_of(rollout: Rollout, campaign: str = "it") -> set[int]:
    """Return the numbers of the players that a rollout takes."""
    return {
        number
        for number in range(PLAYERS)
        if takes(rollout, {"player_id": f"player {number}"}, campaign)
    }


@pytest.mark.parametrize(
    ("salt", "player_id", "bucket"),
    [
        ("spring", "97983be2-98b7-11e7-90cf-082e5f28d836", 2895),
        ("mycampaign", "player-1", 8119),
        ("Fête d'été", "夏", 3423),
    ],
)
def test_the_examples_of_the_specification(salt: str, player_id: str, bucket: int) -> None:
    """Others compute the same bucket: MurmurHash3 of the two keys joined by a slash."""
    assert bucket_of(salt, player_id) == bucket
    assert mmh3.hash("foo", signed=False) == 4138058784  # as the algorithm's test vectors have it


@pytest.mark.parametrize(
    ("player_id", "variant"), [("player-1", "red"), ("player-2", "blue"), ("player-3", "blue")]
)
def test_the_variants_of_the_specification(player_id: str, variant: str) -> None:
    """Others choose the same variant by integers alone."""
    variants = [("red", 50), ("blue", 50)]
    assert variants[variant_of("mycampaign", variants, player_id)][0] == variant


def test_a_rollout_takes_its_percentage() -> None:
    """Within 0.5 % of all at a million ids, for each tenth of the buckets and for shares of it."""
    buckets = Counter(bucket_of("it", f"player {number}") for number in range(MANY))
    for percent in (0.5, 1, 5, 25, 50, 75, 99):
        bound = Rollout(percent=percent).bound
        share = sum(count for bucket, count in buckets.items() if bucket < bound) / MANY
        assert abs(share - percent / 100) < 0.005
    tenths = Counter(bucket // 1000 for bucket in buckets.elements())
    assert all(abs(count / MANY - 0.1) < 0.005 for count in tenths.values())


def test_raising_the_percentage_only_adds_players() -> None:
    """Every player that was in stays in."""
    shares = [players_of(Rollout(percent=percent)) for percent in (0, 0.01, 1, 25, 25.5, 100)]
    assert shares[0] == set()
    assert len(shares[-1]) == PLAYERS
    assert all(fewer <= more for fewer, more in pairwise(shares))
    assert shares[2] < shares[3] < shares[4]


@given(st.integers(0, 10_000), st.integers(0, 10_000), keys(), keys())
def test_a_larger_rollout_holds_a_smaller_one(
    one: int, other: int, salt: str, player_id: str
) -> None:
    """For every salt, every player, and down to hundredths of a percent."""
    smaller, larger = (Rollout(percent=each / 100, salt=salt) for each in sorted((one, other)))
    assert (smaller.bound, larger.bound) == tuple(sorted((one, other)))
    profile = {"player_id": player_id}
    assert takes(larger, profile, "it") or not takes(smaller, profile, "it")


def test_one_salt_takes_the_same_players_first() -> None:
    """Campaigns that share a salt take the same players, whatever their names are."""
    first = players_of(Rollout(percent=20, salt="spring"), "one")
    second = players_of(Rollout(percent=40, salt="spring"), "other")
    assert first < second
    assert players_of(Rollout(percent=20), "spring") == first


def test_different_salts_are_independent() -> None:
    """Of the players that one salt takes, another one takes its own share."""
    one = players_of(Rollout(percent=50, salt="spring"))
    other = players_of(Rollout(percent=50, salt="summer"))
    assert abs(len(one & other) / PLAYERS - 0.25) < 0.01


@pytest.mark.parametrize("profile", [{}, {"player_id": None}, {"player_id": 5}])
def test_nobody_in_particular_is_in_no_rollout(profile: dict[str, Any]) -> None:
    """Without a player_id there is nothing to hash."""
    assert not matches(Matchers(rollout=Rollout(percent=100)), profile, NOW, name="it")


def chosen(variants: list[tuple[str, int]], campaign: str = "it") -> list[int]:
    """Return the index of each player's variant."""
    return [variant_of(campaign, variants, f"player {number}") for number in range(PLAYERS)]


@pytest.mark.parametrize("weights", [[1], [1, 1], [50, 30, 20], [1, 9], [1_000_000, 1, 1_000_000]])
def test_variants_have_their_shares(weights: list[int]) -> None:
    """Each variant's share of the players is its share of the weights."""
    found = Counter(chosen([(f"variant {n}", weight) for n, weight in enumerate(weights)]))
    for index, weight in enumerate(weights):
        assert abs(found[index] / PLAYERS - weight / sum(weights)) < 0.015


@given(
    st.lists(st.tuples(keys(), st.integers(1, 1_000_000)), min_size=1, max_size=5),
    st.tuples(keys(), st.integers(1, 1_000_000)),
    keys(),
)
def test_one_more_variant_moves_only_the_players_that_it_takes(
    variants: list[tuple[str, int]], added: tuple[str, int], player_id: str
) -> None:
    """Everybody else keeps the variant."""
    before = variant_of("it", variants, player_id)
    after = variant_of("it", [*variants, added], player_id)
    assert after in {before, len(variants)}


def test_a_variant_says_nothing_of_the_rollout() -> None:
    """Of the players of a rollout each variant has its share, too."""
    variants = chosen([("a", 1), ("b", 1)])
    taken = players_of(Rollout(percent=30))
    share = sum(variants[number] for number in taken) / len(taken)
    assert abs(share - 0.5) < 0.02
    others = chosen([("a", 1), ("b", 1)], "other campaign")
    same = sum(one == other for one, other in zip(variants, others, strict=True))
    assert abs(same / PLAYERS - 0.5) < 0.02
