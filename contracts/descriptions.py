"""What each field is, in one sentence, for the JSON Schemas of campaigns, segments and profiles."""

from collections.abc import Mapping

_NAME = "The key: 1 to 128 printable characters; no '/', no '\\', no space at either end."
_DATE = "An RFC 3339 date and time, such as 2022-01-25T00:00:00Z"
_DURATION = "an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as P7D"
_VERSION = "such as 1.10.0, 2024.1 or 1.2.3-beta"

# By the name of the model, then by the name of the field as it is written.
DESCRIPTIONS: Mapping[str, Mapping[str, str]] = {
    "Campaign": {
        "game": "The game that the campaign is for.",
        "name": _NAME,
        "priority": "The place among a player's campaigns: higher comes first, 0 by default.",
        "matchers": "The conditions on a player: all must hold. Without any it is for everyone.",
        "start_date": f"When the campaign begins. {_DATE}; without one it always has.",
        "end_date": f"When the campaign is over. {_DATE}; without one it never is.",
        "enabled": "Whether the campaign runs; true by default.",
        "last_updated": "When it was last changed: set by the service, ignored when sent.",
        "description": "A note for operators, up to 2,000 characters.",
        "tags": "Up to 20 names, which clients may ask for by.",
        "payload": "Anything that the client needs, up to 32 KiB of JSON.",
        "group": "Of a player's campaigns of one group, only the first is in the answer.",
        "variants": "Forms of the campaign, of which each player has one.",
        "stage": "draft: for nobody but testers whose overrides name it; live by default.",
    },
    "Variant": {
        "name": _NAME,
        "weight": "Its share of the sum of all weights, a whole number from 1.",
        "payload": "What the client needs of this variant, in place of the campaign's payload.",
    },
    "Matchers": {
        "level": "The player's level lies between min and max, both included.",
        "has": "The player has all of the items, and each other field is one of its list.",
        "does_not_have": "The player has none of the items, and no other field is in its list.",
        "where": "Tests on fields by their dotted paths, such as clan.id: all must hold.",
        "any": "At least one of these matchers matches.",
        "all": "All of these matchers match.",
        "none": "None of these matchers matches.",
        "segment": "Segments that the player is in, or is not.",
        "rollout": "The player is in this share of all players.",
    },
    "LevelRange": {
        "min": "The lowest level that matches; without it there is none.",
        "max": "The highest level that matches; without it there is none.",
    },
    "Conditions": {
        "country": "Values of the field country.",
        "language": "Values of the field language.",
        "gender": "Values of the field gender.",
        "items": "Names of items: a player has one when its quantity is above zero.",
    },
    "SegmentReference": {
        "any": "The player is in at least one of these segments.",
        "all": "The player is in all of these segments.",
        "none": "The player is in none of these segments.",
    },
    "Rollout": {
        "percent": "The share of players, from 0 to 100 with up to two decimal places. To raise "
        "it only adds players.",
        "salt": "Rollouts of one salt take the same players first; by default the name of the "
        "campaign or the segment.",
    },
    "FieldTest": {
        "eq": "The value equals this one.",
        "ne": "The value does not equal this one, or there is none.",
        "in": "The value equals one of these.",
        "not_in": "The value equals none of these, or there is none.",
        "gt": "The value is a number above this one.",
        "gte": "The value is this number or one above it.",
        "lt": "The value is a number below this one.",
        "lte": "The value is this number or one below it.",
        "starts_with": "The value is a text that begins so.",
        "ends_with": "The value is a text that ends so.",
        "contains": "The value is a text that holds this one.",
        "ignore_case": "Whether starts_with, ends_with and contains overlook case.",
        "exists": "true: there is a value other than null; false: there is none.",
        "before": f"The value is an earlier date. {_DATE}.",
        "after": f"The value is a later date. {_DATE}.",
        "within": f"The value is a date of this time until now: {_DURATION}.",
        "older_than": f"The value is a date before this time: {_DURATION}.",
        "version_gt": f"The value is a later version, {_VERSION}.",
        "version_gte": f"The value is this version or a later one, {_VERSION}.",
        "version_lt": f"The value is an earlier version, {_VERSION}.",
        "version_lte": f"The value is this version or an earlier one, {_VERSION}.",
        "version_eq": f"The value is this version, {_VERSION}.",
    },
    "Segment": {
        "name": _NAME,
        "matchers": "The conditions on a player to be in the segment: all must hold.",
        "description": "A note for operators, up to 2,000 characters.",
        "last_updated": "When it was last changed: set by the service, ignored when sent.",
    },
    "Profile": {
        "player_id": _NAME,
        "credential": "What the player signs in with.",
        "created": f"When the player signed up. {_DATE}.",
        "modified": f"When the profile was last changed. {_DATE}.",
        "last_session": f"When the player last played. {_DATE}.",
        "total_spent": "What the player has spent, from 0.",
        "total_refund": "What the player was given back, from 0.",
        "total_transactions": "How often the player has bought something, from 0.",
        "last_purchase": f"When the player last bought something. {_DATE}.",
        "active_campaigns": "The service's own: what is sent is ignored.",
        "devices": "What the player plays on, up to 1,000 devices.",
        "level": "The player's level, from 0.",
        "xp": "The player's experience, from 0.",
        "total_playtime": "How long the player has played, from 0.",
        "country": "The player's country, such as US.",
        "language": "The player's language, such as en.",
        "birthdate": f"When the player was born. {_DATE}.",
        "gender": "The player's gender.",
        "inventory": "How many of each item the player has; 0 is the same as not having it.",
        "clan": "The clan that the player belongs to.",
        "lists": "The service's own: what is sent is ignored.",
        "overrides": "The service's own: what is sent is ignored.",
    },
    "Device": {
        "id": "The device's id, a text or a whole number.",
        "model": "What device it is.",
        "carrier": "The network that it is in.",
        "firmware": "The version of its firmware.",
    },
    "Clan": {
        "id": "The clan's id, a text or a whole number.",
        "name": "The clan's name.",
    },
    "Override": {
        "campaign": "The name of the campaign.",
        "state": "Whether the player is in the campaign or out of it.",
        "variant": "The variant that the player gets while it is on.",
        "until": f"When it is over. {_DATE}.",
        "actor": "The name of the token that set it.",
        "set_at": f"When it was set. {_DATE}.",
    },
}
