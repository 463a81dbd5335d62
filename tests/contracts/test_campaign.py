"""Campaigns: what is accepted, what is refused, and when one is active."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from pydantic import BaseModel, ValidationError

from contracts.campaign import Campaign, CampaignStatus
from contracts.matchers import Conditions, Matchers
from testbed.builders import a_campaign, golden
from tests.contracts.refusals import refusal, with_value
from tests.strategies import campaigns, instants, keys, moments

SMALLEST = {"game": "mygame", "name": "mycampaign"}
MICROSECOND = timedelta(microseconds=1)


def written(contract: BaseModel) -> Any:
    """Return a contract as it is on the wire."""
    return orjson.loads(contract.model_dump_json(by_alias=True, exclude_none=True))


def test_golden() -> None:
    """The campaign of tests/data is read, value for value."""
    assert Campaign.model_validate(golden("campaign")) == Campaign(
        game="mygame",
        name="mycampaign",
        priority=10.5,
        matchers=a_campaign(
            level=(1, 3),
            has={"country": ["US", "RO", "CA"], "items": ["item_1"]},
            does_not_have={"items": ["item_4"]},
        ).matchers,
        start_date=datetime(2022, 1, 25, tzinfo=UTC),
        end_date=datetime(2022, 2, 25, tzinfo=UTC),
        enabled=True,
        last_updated=datetime(2021, 7, 13, 11, 46, 58, tzinfo=UTC),
    )


def test_golden_is_written_canonically() -> None:
    """The campaign of tests/data is written without what is absent, and with RFC 3339 dates."""
    canonical = golden("campaign_canonical")
    assert written(Campaign.model_validate(golden("campaign"))) == canonical
    assert written(Campaign.model_validate(canonical)) == canonical


def test_golden_is_read_from_bytes_too() -> None:
    """Reading JSON in pydantic's own way gives the same campaign."""
    campaign = Campaign.model_validate(golden("campaign"))
    assert Campaign.model_validate_json(orjson.dumps(golden("campaign"))) == campaign


@given(campaigns())
def test_round_trip(campaign: Campaign) -> None:
    """Every campaign that is written is read back equal."""
    assert Campaign.model_validate(written(campaign)) == campaign


@given(keys())
def test_any_name_survives_the_wire(name: str) -> None:
    """A name with spaces or in any script is read back as it was stored."""
    campaign = a_campaign(name)
    assert Campaign.model_validate(written(campaign)).name == campaign.name


def test_only_name_and_game_are_required() -> None:
    """A campaign of a name and a game is enabled, unbounded and for everyone."""
    campaign = Campaign.model_validate(SMALLEST)
    assert campaign.enabled
    assert campaign.priority == 0
    assert campaign.matchers == Matchers()
    assert campaign.start_date is campaign.end_date is campaign.last_updated is None


@pytest.mark.parametrize(
    "path",
    [
        "priority",
        "matchers",
        "matchers.level",
        "matchers.has",
        "matchers.does_not_have",
        "start_date",
        "end_date",
        "enabled",
        "last_updated",
    ],
)
def test_null_is_absent(path: str) -> None:
    """A field that is null is as if it was not sent."""
    document = with_value(SMALLEST, path, None)
    assert Campaign.model_validate(document) == Campaign.model_validate(SMALLEST)


@pytest.mark.parametrize("field", ["name", "game"])
def test_required(field: str) -> None:
    """A campaign without a name or a game is refused, naming the field."""
    assert list(refusal(Campaign, {**SMALLEST, field: None})) == [field]
    without = {key: value for key, value in SMALLEST.items() if key != field}
    assert refusal(Campaign, without) == {field: "Field required"}


def test_dates_stay_dates_for_a_store() -> None:
    """Only JSON has dates as text: a campaign that is dumped for a store keeps datetimes."""
    dumped = Campaign.model_validate(golden("campaign")).model_dump()
    assert dumped["start_date"] == datetime(2022, 1, 25, tzinfo=UTC)


def test_name_is_normalised() -> None:
    """A decomposed name is kept composed, and so is the game."""
    campaign = Campaign.model_validate({"game": "je\u0301", "name": "e\u0301te\u0301"})
    assert (campaign.game, campaign.name) == ("j\u00e9", "\u00e9t\u00e9")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\nb", "\0", " a", "x" * 129])
@pytest.mark.parametrize("field", ["name", "game"])
def test_bad_names_are_refused(field: str, name: str) -> None:
    """A name that cannot stand in a path is refused, naming the field."""
    messages = refusal(Campaign, {**SMALLEST, field: name})
    assert list(messages) == [field]
    assert "must be 1 to 128 printable characters" in messages[field]


@pytest.mark.parametrize(
    "path",
    [
        "color",
        "revision",
        "schema",
        "matchers.xp",
        "matchers.level.maximum",
        "matchers.has.level",
        "matchers.does_not_have.planet",
    ],
)
def test_unknown_keys_are_refused(path: str) -> None:
    """A key that no contract knows is refused at every level, naming it with its path."""
    document = with_value(golden("campaign"), path, 1)
    assert refusal(Campaign, document) == {path: "Extra inputs are not permitted"}


@pytest.mark.parametrize("field", ["country", "language", "gender", "items"])
@pytest.mark.parametrize("side", ["has", "does_not_have"])
def test_empty_lists_are_refused(side: str, field: str) -> None:
    """An empty list is refused, and the message says to leave it out."""
    path = f"matchers.{side}.{field}"
    messages = refusal(Campaign, with_value(SMALLEST, path, []))
    assert list(messages) == [path]
    assert "leave it out" in messages[path]


@pytest.mark.parametrize("side", ["has", "does_not_have"])
def test_conditions_without_a_list_are_refused(side: str) -> None:
    """Conditions that name no list are refused: they would match everyone by accident."""
    for conditions in ({}, {"country": None, "items": None}):
        document = with_value(SMALLEST, f"matchers.{side}", conditions)
        assert "at least one list" in refusal(Campaign, document)[f"matchers.{side}"]


@pytest.mark.parametrize("value", ["US", {"US": 1}, 5, True])
def test_conditions_are_lists(value: object) -> None:
    """A text is no list of letters, and nothing else is a list either."""
    assert "matchers.has.country" in refusal(
        Campaign, with_value(SMALLEST, "matchers.has.country", value)
    )


@pytest.mark.parametrize("value", ["", 5, None, True, ["US"], "x" * 257])
def test_conditions_hold_texts(value: object) -> None:
    """What stands in a list is a text of 1 to 256 characters; the message names its place."""
    document = with_value(SMALLEST, "matchers.has.items", ["item_1", value])
    assert "matchers.has.items.1" in refusal(Campaign, document)


@pytest.mark.parametrize("field", ["country", "language", "gender", "items"])
def test_of_many_bad_values_the_first_is_named(field: str) -> None:
    """A list of nothing but mistakes is refused for the first of them, in little time."""
    document = with_value(SMALLEST, f"matchers.has.{field}", ["item_1", *[5] * 5000])
    assert list(refusal(Campaign, document)) == [f"matchers.has.{field}.1"]


def test_a_bad_value_in_a_list_is_reported_once() -> None:
    """A list whose only value is bad is refused for that value alone."""
    document = with_value(SMALLEST, "matchers.has.items", [5])
    assert list(refusal(Campaign, document)) == ["matchers.has.items.0"]


def test_min_above_max_is_refused() -> None:
    """A level range that no level is in is refused."""
    document = with_value(SMALLEST, "matchers.level", {"min": 3, "max": 2})
    assert refusal(Campaign, document) == {
        "matchers.level": "Value error, min (3) must not be greater than max (2)"
    }


@pytest.mark.parametrize("level", [{"min": 3}, {"max": 3}, {"min": 3, "max": 3}, {"min": 0}])
def test_level_ranges(level: dict[str, int]) -> None:
    """One bound is enough, and both may be the same."""
    document = with_value(SMALLEST, "matchers.level", level)
    matched = Campaign.model_validate(document).matchers.level
    assert matched is not None
    assert (matched.min, matched.max) == (level.get("min"), level.get("max"))


def test_level_without_a_bound_is_refused() -> None:
    """A level range without bounds is refused, and the message says to leave it out."""
    for level in ({}, {"min": None, "max": None}):
        document = with_value(SMALLEST, "matchers.level", level)
        assert "leave level out" in refusal(Campaign, document)["matchers.level"]


@pytest.mark.parametrize("bound", [True, "3", 2.0, 2.5, -1, 2**63, [3]])
@pytest.mark.parametrize("side", ["min", "max"])
def test_bounds_are_whole_numbers(side: str, bound: object) -> None:
    """A bound of another type or out of range is refused, naming it."""
    path = f"matchers.level.{side}"
    assert list(refusal(Campaign, with_value(SMALLEST, path, bound))) == [path]


@pytest.mark.parametrize("priority", [float("nan"), float("inf"), float("-inf"), True, "10.5", [1]])
def test_bad_priorities_are_refused(priority: object) -> None:
    """A priority that cannot be ordered, or is no number, is refused, naming the field."""
    assert list(refusal(Campaign, {**SMALLEST, "priority": priority})) == ["priority"]


@pytest.mark.parametrize("priority", [0, 10, -1, 10.5, -0.25, 1e300])
def test_priorities(priority: float) -> None:
    """Every finite number is a priority."""
    assert Campaign.model_validate({**SMALLEST, "priority": priority}).priority == priority


@pytest.mark.parametrize("enabled", [0, 1, "true", ""])
def test_enabled_is_a_boolean(enabled: object) -> None:
    """Nothing is converted to enabled or disabled."""
    assert list(refusal(Campaign, {**SMALLEST, "enabled": enabled})) == ["enabled"]


@pytest.mark.parametrize(
    "date",
    ["2022-01-25 00:00:00", "2022-01-25", "2022-02-30T00:00:00Z", "tomorrow", "", 0, True],
)
@pytest.mark.parametrize("field", ["start_date", "end_date", "last_updated"])
def test_bad_dates_are_refused(field: str, date: object) -> None:
    """A date without an offset, or that is none, is refused, naming field and form."""
    messages = refusal(Campaign, {**SMALLEST, field: date})
    assert list(messages) == [field]
    assert "must be an RFC 3339 date and time" in messages[field]


@pytest.mark.parametrize("start", ["2022-01-25T00:00:00Z", "2022-01-25T00:00:01Z"])
def test_an_end_not_after_the_start_is_refused(start: str) -> None:
    """A campaign that would run at no time is refused, also when the offsets differ."""
    document = {**SMALLEST, "start_date": start, "end_date": "2022-01-25T02:00:00+02:00"}
    messages = refusal(Campaign, document)
    assert list(messages) == ["end_date"]
    assert "must be later than start_date" in messages["end_date"]


@pytest.mark.parametrize("document", [None, [], "mycampaign", 5, [SMALLEST]])
def test_only_objects_are_campaigns(document: object) -> None:
    """What is no JSON object is refused."""
    assert refusal(Campaign, document)


def test_frozen() -> None:
    """A campaign never changes once it is made."""
    campaign = a_campaign(has={"country": ["US"]})
    with pytest.raises(ValidationError, match="frozen"):
        campaign.enabled = False  # type: ignore[misc]  # the point of the test
    assert isinstance(campaign.matchers.has, Conditions)
    assert isinstance(campaign.matchers.has.country, tuple)


@given(instants(), instants())
def test_activity_is_half_open(one: datetime, other: datetime) -> None:
    """A campaign is active at its start and until just before its end."""
    start, end = sorted((one, other))
    assume(start < end)
    campaign = a_campaign(start=start, end=end)
    assert not campaign.is_active(start - MICROSECOND)
    assert campaign.is_active(start)
    assert campaign.is_active(end - MICROSECOND)
    assert not campaign.is_active(end)
    assert not campaign.has_ended(end - MICROSECOND)
    assert campaign.has_ended(end)


@given(instants(), moments())
def test_missing_dates_are_unbounded(date: datetime, at: datetime) -> None:
    """Without a start it has always run, without an end it never ends."""
    assert a_campaign(start=None, end=None).is_active(at)
    assert a_campaign(start=None, end=date).is_active(at) == (at < date)
    assert a_campaign(start=date, end=None).is_active(at) == (date <= at)
    assert not a_campaign(start=date, end=None).has_ended(at)


@given(campaigns(), moments())
def test_disabled_is_never_active(campaign: Campaign, at: datetime) -> None:
    """A disabled campaign is disabled at every time, whatever its dates."""
    disabled = campaign.model_copy(update={"enabled": False})
    assert not disabled.is_active(at)
    assert disabled.status(at) is CampaignStatus.DISABLED


@given(campaigns(), moments())
def test_status_agrees_with_the_rest(campaign: Campaign, at: datetime) -> None:
    """A campaign has exactly one status, the one that its dates and `enabled` make."""
    scheduled = campaign.start_date is not None and at < campaign.start_date
    is_ready = campaign.enabled and not campaign.is_draft
    holds = {
        CampaignStatus.DISABLED: not campaign.enabled,
        CampaignStatus.DRAFT: campaign.enabled and campaign.is_draft,
        CampaignStatus.ACTIVE: campaign.is_active(at),
        CampaignStatus.ENDED: is_ready and campaign.has_ended(at),
        CampaignStatus.SCHEDULED: is_ready and scheduled,
    }
    assert [status for status, true in holds.items() if true] == [campaign.status(at)]
    assert set(holds) == set(CampaignStatus)


@pytest.mark.parametrize(
    ("day", "status"), [(24, "scheduled"), (25, "active"), (27, "active"), (28, "ended")]
)
def test_status(day: int, status: str) -> None:
    """A campaign is scheduled, then active, then ended."""
    campaign = a_campaign(
        start=datetime(2022, 1, 25, tzinfo=UTC), end=datetime(2022, 1, 28, tzinfo=UTC)
    )
    assert campaign.status(datetime(2022, 1, day, tzinfo=UTC)) == status
