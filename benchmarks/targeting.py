"""The same game with campaigns of the whole language: half of them use more than plain matchers.

As in `workload`, the player is in the first MATCHES campaigns, whatever their number.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.workload import MATCHES, NOW, drawn, player
from contracts.campaign import Campaign
from contracts.segment import Segment
from profile_service.matching.evaluator import matches

_CLANS = tuple(str(number) for number in range(123_450, 123_470))
_MODELS = ("apple iphone", "apple ipad", "google pixel", "samsung galaxy")
_EVENTS = tuple(f"event_{number:04}" for number in range(100))

SEGMENTS = tuple(
    Segment.model_validate({"name": name, "matchers": matchers})
    for name, matchers in {
        "whales": {"where": {"total_spent": {"gte": 300}}},
        "newcomers": {"where": {"xp": {"lt": 1_000}}},
        "iphones": {"where": {"devices.model": {"starts_with": "apple iphone"}}},
        "finished": {"where": {"_tutorial": {"eq": "finished"}}},
        "lapsed": {"where": {"last_session": {"older_than": "P30D"}}},
        "clan members": {"where": {"clan.id": {"exists": True}}},
        "loyal whales": {"segment": {"all": ["whales", "finished"]}},
        "others": {"segment": {"none": ["newcomers", "whales"]}},
    }.items()
)
_SEGMENT_NAMES = tuple(segment.name for segment in SEGMENTS)
SEGMENT_MATCHERS = {segment.name: segment.matchers for segment in SEGMENTS}


def targeted_campaigns(count: int) -> Iterator[Campaign]:
    """Yield `count` campaigns, every second one with a part of the language beside the plain ones.

    That part is two tests on fields, one of two, none of one, two segments, or a rollout.
    """
    profile = player()
    for number in range(count):
        chance = random.Random(number)
        wanted = number < MATCHES
        while True:
            campaign = drawn(number, chance)
            if number % 2:
                campaign = _targeted(campaign, chance)
            if wanted is matches(
                campaign.matchers, profile, NOW, name=campaign.name, segments=SEGMENT_MATCHERS
            ):
                yield campaign
                break


def _targeted(campaign: Campaign, chance: random.Random) -> Campaign:
    document = campaign.model_dump(exclude_none=True)
    part = chance.choice(sorted(_PARTS))
    document["matchers"][part] = _PARTS[part](chance)
    return Campaign.model_validate(document)


def _where(chance: random.Random, count: int = 1) -> dict[str, Any]:
    tests: dict[str, Callable[[], dict[str, Any]]] = {
        "total_spent": lambda: {"gte": chance.randrange(1_000)},
        "xp": lambda: _between(chance, 200_000),
        "clan.id": lambda: {"in": chance.sample(_CLANS, 3)},
        "_last_events": lambda: {"in": chance.sample(_EVENTS, 5)},
        "_tutorial": lambda: {"ne": chance.choice(("finished", "skipped"))},
        "devices.model": lambda: {"starts_with": chance.choice(_MODELS)},
        "last_session": lambda: {"within": f"P{chance.randrange(1, 3_000)}D"},
    }
    return {path: tests[path]() for path in chance.sample(sorted(tests), count)}


def _between(chance: random.Random, most: int) -> dict[str, int]:
    least = chance.randrange(most)
    return {"gte": least, "lt": least + most // 4}


_PARTS: dict[str, Callable[[random.Random], Any]] = {
    "where": lambda chance: _where(chance, 2),
    "any": lambda chance: [{"where": _where(chance)}, {"where": _where(chance)}],
    "none": lambda chance: [{"where": _where(chance)}],
    "segment": lambda chance: {chance.choice(("any", "none")): chance.sample(_SEGMENT_NAMES, 2)},
    "rollout": lambda chance: {"percent": chance.randrange(5, 96)},
}
