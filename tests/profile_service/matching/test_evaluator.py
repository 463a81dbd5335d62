"""Who matches a campaign."""

from datetime import UTC, datetime
from math import nan
from typing import Any

import pytest
from bson import Code, DatetimeMS, Decimal128, Int64, ObjectId
from hypothesis import given
from hypothesis import strategies as st

from contracts.campaign import Campaign
from contracts.matchers import Matchers
from profile_service.matching.comparing import is_number
from profile_service.matching.compiled import CompiledCampaigns
from profile_service.matching.evaluator import matches, owned_items
from testbed.builders import NOW, Lists, a_campaign, a_profile
from tests.profile_service.matching.definition import FIELDS, plainly_matches
from tests.strategies import COUNTRIES, ITEMS, campaigns, profiles

NO_LEVEL = [None, True, "2", nan, [2], {"min": 2}, Decimal128("2")]
NO_COUNTRY = [None, True, 1, nan, ["US"], {"US": 1}, "us", "", Code("US")]
NO_QUANTITY = [None, True, "1", nan, [1], {"count": 1}, Decimal128("1"), 0, -1, -0.5]


@given(campaigns(), profiles())
def test_matching_agrees_with_a_second_reading_of_the_definition(
    campaign: Campaign, profile: dict[str, Any]
) -> None:
    """A profile matches exactly when nothing in the definition speaks against it."""
    assert matches(campaign.matchers, profile, NOW) is plainly_matches(campaign.matchers, profile)


@given(st.sets(st.sampled_from(ITEMS)), st.data())
def test_an_item_that_is_used_up_is_not_had(owned: set[str], data: st.DataObject) -> None:
    """A quantity of zero or less is the same as having no such item."""
    used_up = st.dictionaries(
        st.sampled_from([item for item in ITEMS if item not in owned] or ["other"]),
        st.integers(max_value=0) | st.floats(max_value=0),
    )
    some = dict.fromkeys(owned, 1)
    campaign = data.draw(campaigns())
    assert matches(
        campaign.matchers, a_profile(inventory=data.draw(used_up) | some), NOW
    ) is matches(campaign.matchers, a_profile(inventory=some), NOW)


def _stored_values() -> st.SearchStrategy[Any]:
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=3),
        st.binary(max_size=3),
        st.datetimes(timezones=st.just(UTC)),
        st.sampled_from(COUNTRIES + ITEMS),
        st.sampled_from(
            (DatetimeMS(2**60), Decimal128("NaN"), Int64(2), ObjectId(b"12 byte name"), Code("US"))
        ),
        st.just(10**400),
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(ITEMS) | st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=6,
    )


@given(
    campaigns(), st.dictionaries(st.sampled_from((*FIELDS, "level", "inventory")), _stored_values())
)
def test_no_stored_document_is_an_error(campaign: Campaign, profile: dict[str, Any]) -> None:
    """Whatever somebody has stored matches or does not, as the definition and the index say."""
    always = a_campaign("it").model_copy(update={"matchers": campaign.matchers})
    expected = plainly_matches(campaign.matchers, profile)
    assert matches(campaign.matchers, profile, NOW) is expected
    assert CompiledCampaigns.of([always]).matching(profile, NOW) == ["it"] * expected


@pytest.mark.parametrize(
    ("bounds", "level", "expected"),
    [
        ((1, 3), 0, False),
        ((1, 3), 1, True),
        ((1, 3), 3, True),
        ((1, 3), 4, False),
        ((1, 3), 3.5, False),
        ((1, 3), 2.5, True),
        ((1, 3), Int64(2), True),
        ((2, None), 1, False),
        ((2, None), 2, True),
        ((2, None), 2**70, True),
        ((None, 2), 2, True),
        ((None, 2), -5, True),
        ((None, 2), 3, False),
        ((0, None), 0, True),
        ((None, 0), 0, True),
        ((None, 0), 1, False),
        (None, None, True),
    ],
)
def test_a_level_range_includes_its_bounds(
    bounds: tuple[int | None, int | None] | None, level: object, *, expected: bool
) -> None:
    """Both bounds belong to the range, and a missing one is open."""
    assert matches(a_campaign(level=bounds).matchers, a_profile(level=level), NOW) is expected


@pytest.mark.parametrize("level", NO_LEVEL)
def test_what_is_no_number_is_no_level(level: object) -> None:
    """A level that cannot be compared is in no range, however wide."""
    assert not matches(a_campaign(level=(0, None)).matchers, a_profile(level=level), NOW)
    assert not matches(a_campaign(level=(None, 2**62)).matchers, a_profile(level=level), NOW)


def _meets(has: Lists | None, does_not_have: Lists | None, **fields: object) -> bool:
    campaign = a_campaign(level=None, has=has, does_not_have=does_not_have)
    return matches(campaign.matchers, a_profile(**fields), NOW)


@pytest.mark.parametrize("field", FIELDS)
def test_any_value_of_a_list_will_do(field: str) -> None:
    """`has` wants one of its values in the field, `does_not_have` wants none of them there."""
    listed = {field: ("b", "c")}
    assert _meets(listed, None, **{field: "c"})
    assert not _meets(listed, None, **{field: "a"})
    assert not _meets(None, listed, **{field: "c"})
    assert _meets(None, listed, **{field: "a"})


def test_items_are_wanted_all_and_refused_each() -> None:
    """`has` wants all of its items in the inventory, `does_not_have` wants none of them there."""
    both = {"items": ("item_1", "item_2")}
    assert _meets(both, None, inventory={"item_1": 1, "item_2": 0.5, "item_3": 1})
    assert not _meets(both, None, inventory={"item_1": 1})
    assert _meets(None, both, inventory={"item_3": 1})
    assert not _meets(None, both, inventory={"item_2": 1})


@pytest.mark.parametrize("value", NO_COUNTRY)
@pytest.mark.parametrize("field", FIELDS)
def test_a_value_of_another_type_is_in_no_list(field: str, value: object) -> None:
    """A field that is null or no text fails `has` and passes `does_not_have`."""
    assert not _meets({field: ("US",)}, None, **{field: value})
    assert _meets(None, {field: ("US",)}, **{field: value})
    compiled = CompiledCampaigns.of([a_campaign("it", level=None, has={field: ("US",)})])
    assert compiled.matching(a_profile(**{field: value}), NOW) == []


@pytest.mark.parametrize("field", [*FIELDS, "inventory"])
def test_a_missing_field_is_in_no_list(field: str) -> None:
    """A field that the profile lacks fails `has` and passes `does_not_have`."""
    listed = {"items" if field == "inventory" else field: ("US",)}
    profile = a_profile()
    profile.pop(field, None)
    assert not matches(a_campaign(level=None, has=listed).matchers, profile, NOW)
    assert matches(a_campaign(level=None, does_not_have=listed).matchers, profile, NOW)


@pytest.mark.parametrize("quantity", NO_QUANTITY)
def test_a_quantity_that_is_no_positive_number_is_none(quantity: object) -> None:
    """An item is had when its quantity is a number above zero, and in no other case."""
    assert owned_items({"inventory": {"item_1": quantity, "item_2": 1}}) == {"item_2"}


@pytest.mark.parametrize("inventory", [None, "item_1", ["item_1"], 1, True])
def test_what_is_no_mapping_holds_no_items(inventory: object) -> None:
    """An inventory of another type is an empty one."""
    assert owned_items({"inventory": inventory}) == frozenset()


def test_every_matcher_must_hold() -> None:
    """Matchers are joined by and: one that fails is enough."""
    lists: dict[str, Lists] = {
        "has": {"country": ("US",), "items": ("item_1",)},
        "does_not_have": {"items": ("item_4",), "gender": ("male",)},
    }
    matchers = a_campaign(**lists).matchers  # type: ignore[arg-type]  # a part of the arguments
    assert matches(matchers, a_profile(), NOW)
    for failing in (
        {"level": 9},
        {"country": "RO"},
        {"inventory": {"item_2": 1}},
        {"inventory": {"item_1": 1, "item_4": 1}},
        {"gender": "male"},
    ):
        assert not matches(matchers, a_profile(**failing), NOW)


def test_a_campaign_without_matchers_is_for_everyone() -> None:
    """An absent matcher matches every profile, an empty one too."""
    assert matches(Matchers(), {}, NOW)


@pytest.mark.parametrize("value", [True, None, "1", datetime(2022, 1, 1, tzinfo=UTC), [1]])
def test_only_numbers_are_numbers(value: object) -> None:
    """What Python would compare as a number is not always one: a bool is none."""
    assert not is_number(value)
    assert is_number(1.5)
