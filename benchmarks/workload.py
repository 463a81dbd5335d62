"""The game that is measured: one kind of player, and as many campaigns as are asked for.

Whatever their number, the player is in the same MATCHES campaigns, and every process makes
the same ones: contenders, runs and machines are compared on equal terms.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.campaign import Campaign
from profile_service.matching.evaluator import matches

MATCHES = 12
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PLAYERS = 1_000

_COUNTRIES = tuple(a + b for a in "ABCDEFGH" for b in "LMNOP")
_LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "ro", "ja", "ko", "zh")
_GENDERS = ("male", "female", "other")
_ITEMS = tuple(f"item_{number}" for number in range(200))
_MAX_LEVEL = 100


def player_id(number: int) -> str:
    """Return the id of a player; all have the same length."""
    return f"{number:08}-98b7-11e7-90cf-082e5f28d836"


def player(number: int = 0) -> dict[str, Any]:
    """Return a player's profile: 20 items, 1.5 KB as JSON, the same for all but the id."""
    return {
        "player_id": player_id(number),
        "credential": "apple_credential_4f2c9a7e1b6d4c0f8e35",
        "created": "2021-01-10 13:37:17Z",
        "modified": "2021-01-23 13:37:17Z",
        "last_session": "2021-01-23 13:37:17Z",
        "total_spent": 400,
        "total_refund": 0,
        "total_transactions": 5,
        "last_purchase": "2021-01-22 13:37:17Z",
        "active_campaigns": [_name(number) for number in range(MATCHES)],
        "devices": [
            {
                "id": number,
                "model": f"apple iphone {number}",
                "carrier": "vodafone",
                "firmware": f"17.{number}.1",
            }
            for number in range(4)
        ],
        "level": 37,
        "xp": 128_450,
        "total_playtime": 8_144,
        "country": "CM",
        "language": "fr",
        "birthdate": "2000-01-10 13:37:17Z",
        "gender": "male",
        # Every tenth item of the game; of one the last is used up.
        "inventory": {item: index for index, item in enumerate(_ITEMS[::10])},
        "clan": {"id": "123456", "name": "Hello world clan"},
        "_tutorial": "finished",
        "_last_events": [f"event_{number:04}" for number in range(12)],
    }


def campaigns(count: int) -> Iterator[Campaign]:
    """Yield `count` campaigns, all active at NOW and today; the player matches the first MATCHES.

    Their order of priority is another: the player's are anywhere in it.
    """
    profile = player()
    for number in range(count):
        # Seeded each for itself: a larger set holds the smaller ones.
        chance = random.Random(number)
        wanted = number < MATCHES
        while True:
            campaign = drawn(number, chance)
            if matches(campaign.matchers, profile, NOW) is wanted:
                yield campaign
                break


def _name(number: int) -> str:
    return f"campaign {number:06}"


def drawn(number: int, chance: random.Random) -> Campaign:
    """Return a campaign of that number with plain matchers, drawn by chance."""
    least = chance.randrange(_MAX_LEVEL)
    has: dict[str, tuple[str, ...]] = {"country": _some(chance, _COUNTRIES, 3, 12)}
    if chance.random() < 0.3:
        has["language"] = _some(chance, _LANGUAGES, 1, 5)
    if chance.random() < 0.1:
        has["gender"] = _some(chance, _GENDERS, 1, 2)
    if chance.random() < 0.5:
        has["items"] = _some(chance, _ITEMS, 1, 3)
    matchers: dict[str, Any] = {
        "level": {"min": least, "max": least + chance.randrange(10, 40)},
        "has": has,
    }
    if chance.random() < 0.5:
        matchers["does_not_have"] = {"items": _some(chance, _ITEMS, 1, 4)}
    return Campaign.model_validate(
        {
            "game": "mygame",
            "name": _name(number),
            "priority": float(chance.randrange(1_000)),
            "matchers": matchers,
            "start_date": NOW - timedelta(days=chance.randrange(1, 300)),
            "end_date": NOW + timedelta(days=365 * 50, hours=chance.randrange(1_000)),
        }
    )


def _some(chance: random.Random, values: tuple[str, ...], least: int, most: int) -> tuple[str, ...]:
    return tuple(chance.sample(values, chance.randint(least, most)))
