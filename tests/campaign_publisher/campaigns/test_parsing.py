"""Campaigns as they are sent: taken, or refused with what is wrong and where."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_publisher.campaigns.limits import MAX_CAMPAIGN_BYTES, MAX_SEGMENTS
from campaign_publisher.campaigns.parsing import (
    MAX_PATCH_DEPTH,
    merged,
    parse_campaign,
    parse_campaigns,
    parse_segment,
    parse_segments,
    patched,
)
from contracts.campaign import LoggedCampaign
from foundation.errors import Invalid, TooLarge
from testbed.builders import golden


def problems(caught: pytest.ExceptionInfo[Invalid]) -> list[Any]:
    """Return the places of all problems."""
    return [problem["loc"] for problem in caught.value.detail if isinstance(problem, dict)]


def test_the_golden_campaign_is_taken() -> None:
    """All of it but last_updated, which the service sets."""
    campaign = parse_campaign(golden("campaign"), "mycampaign")
    assert campaign.name == "mycampaign"
    assert campaign.last_updated is None


def test_what_is_sent_as_last_update_is_ignored() -> None:
    """Not even nonsense there is an error: it is not the sender's field."""
    assert parse_campaign({"name": "a", "game": "g", "last_updated": 5}).last_updated is None


def test_every_field_that_is_wrong_is_named() -> None:
    """One answer names all fields that are wrong."""
    with pytest.raises(Invalid) as caught:
        parse_campaign({"name": "", "priority": "high", "nonsense": 1})
    assert sorted(problems(caught)) == [["game"], ["name"], ["nonsense"], ["priority"]]


@pytest.mark.parametrize(
    ("matchers", "loc", "message"),
    [
        ({"has": {"country": "US"}}, ["matchers", "has", "country"], "must be a list"),
        ({"has": []}, ["matchers", "has"], "must be a JSON object"),
        ([], ["matchers"], "must be a JSON object"),
    ],
)
def test_a_wrong_type_is_named_in_the_terms_of_json(
    matchers: object, loc: list[str], message: str
) -> None:
    """Messages name the types of JSON, not those of Python."""
    with pytest.raises(Invalid) as caught:
        parse_campaign({"name": "a", "game": "g", "matchers": matchers})
    assert caught.value.detail == [{"loc": loc, "msg": message}]


def test_names_are_compared_as_they_are_stored() -> None:
    """A name written with combining characters is the one in the path."""
    document = {"name": "Fe\u0302te", "game": "g"}
    assert parse_campaign(document, "F\u00eate").name == "F\u00eate"
    with pytest.raises(Invalid) as caught:
        parse_campaign(document, "other")
    assert problems(caught) == [["name"]]


@pytest.mark.parametrize("value", [None, [], "a", 5])
def test_a_campaign_is_an_object(value: object) -> None:
    """Any other JSON is refused."""
    with pytest.raises(Invalid):
        parse_campaign(value)


async def test_a_campaign_of_a_list_is_as_large_as_one_alone() -> None:
    """One that is larger is refused for that, whatever else is wrong with it."""
    good = {"name": "a", "game": "g"}
    large = {"name": "b", "game": 5, "matchers": {"has": {"items": [0] * MAX_CAMPAIGN_BYTES}}}
    with pytest.raises(TooLarge, match=r"^campaign 1 must not be over 1048576 bytes$"):
        await parse_campaigns([good, large])


async def test_a_list_is_refused_with_its_first_mistake() -> None:
    """The index and the field are named."""
    good = {"name": "a", "game": "g"}
    with pytest.raises(Invalid) as caught:
        await parse_campaigns([good, {**good, "name": "b", "enabled": "yes"}, 7])
    assert problems(caught) == [[1, "enabled"]]


async def test_a_list_names_each_campaign_once() -> None:
    """Two of one name, in whatever form of it, are refused."""
    twice = [{"name": name, "game": "g"} for name in ("F\u00eate", "Fe\u0302te")]
    with pytest.raises(Invalid) as caught:
        await parse_campaigns(twice)
    assert problems(caught) == [[1, "name"]]


async def test_a_list_is_a_list() -> None:
    """One campaign alone is none."""
    with pytest.raises(Invalid):
        await parse_campaigns({"name": "a", "game": "g"})


# The examples of RFC 7396, appendix A.
RFC_7396 = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "expected"), RFC_7396)
def test_merge_patch(target: Any, patch: Any, expected: Any) -> None:
    """The examples of the RFC."""
    assert merged(target, patch) == expected


VALUES = st.recursive(
    st.none() | st.integers(0, 2), lambda each: st.dictionaries(st.sampled_from("abc"), each)
)


@given(target=VALUES, patch=VALUES)
def test_a_patch_applied_twice_is_applied_once(target: Any, patch: Any) -> None:
    """It is idempotent, and leaves what it is applied to as it was."""
    before = orjson.dumps(target)
    once = merged(target, patch)
    assert merged(once, patch) == once
    assert orjson.dumps(target) == before


def test_a_patch_beyond_reason_is_refused() -> None:
    """A patch that is nested deeper than any campaign is an error of the sender."""
    patch: Any = {}
    for _ in range(MAX_PATCH_DEPTH + 1):
        patch = {"a": patch}
    with pytest.raises(Invalid):
        merged({}, patch)


def a_later_campaign() -> LoggedCampaign:
    """Return a campaign that a later version wrote."""
    return LoggedCampaign.model_validate(golden("later_change")["put"][0])


def written(campaign: LoggedCampaign) -> dict[str, Any]:
    """Return a campaign as it is stored."""
    document: dict[str, Any] = orjson.loads(campaign.model_dump_json(exclude_none=True))
    return document


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"priority": 9}, {"priority": 9.0}),
        ({"matchers": {"weather": None}}, {"matchers": {"level": {"min": 1}}}),
        ({"matchers": None}, {"matchers": {}}),
    ],
)
def test_a_patch_keeps_what_a_later_version_wrote(
    patch: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Unknown keys and matchers stay as they are, unless the patch takes them out."""
    campaign = a_later_campaign()
    assert written(patched(campaign, patch)) == {
        **{key: value for key, value in written(campaign).items() if key != "last_updated"},
        **expected,
    }


def test_a_patch_takes_out_an_unknown_key() -> None:
    """Null removes a key of a later version, as any other."""
    assert "colour" not in written(patched(a_later_campaign(), {"colour": None}))


@pytest.mark.parametrize(
    ("patch", "loc"),
    [
        ({"colour": "blue"}, ["colour"]),
        ({"shape": 1}, ["shape"]),
        ({"matchers": {"level": {"min": 2}}}, ["matchers", "weather"]),
    ],
)
def test_a_patch_writes_nothing_unknown(patch: dict[str, Any], loc: list[str]) -> None:
    """A value for what this version does not know is refused, naming it."""
    with pytest.raises(Invalid) as caught:
        patched(a_later_campaign(), patch)
    assert problems(caught) == [loc]


def test_the_name_of_a_segment_is_that_of_its_path() -> None:
    """It need not stand in the body; where it does it must be the same, once normalised."""
    bodies: list[dict[str, Any]] = [{}, {"name": "e\u0301", "last_updated": 5}]
    for body in bodies:
        segment = parse_segment({"matchers": {}, **body}, "\u00e9")
        assert (segment.name, segment.last_updated) == ("\u00e9", None)
    for other in ("a", "", None, 5):
        with pytest.raises(Invalid) as caught:
            parse_segment({"matchers": {}, "name": other}, "b")
        assert problems(caught) == [["name"]]


@pytest.mark.parametrize(
    ("value", "loc"),
    [
        ([], []),
        (None, []),
        ({}, ["matchers"]),
        ({"matchers": None}, ["matchers"]),
        ({"matchers": {"where": {"a": {}}}}, ["matchers", "where", "a"]),
        ({"matchers": {}, "game": "mygame"}, ["game"]),
        ({"matchers": {}, "description": "x" * 2001}, ["description"]),
    ],
)
async def test_a_segment_that_is_wrong(value: object, loc: list[str]) -> None:
    """The field is named, alone and in a list."""
    with pytest.raises(Invalid) as caught:
        parse_segment(value, "a")
    assert problems(caught) == [loc]
    named = {"name": "a", **value} if isinstance(value, dict) else value
    with pytest.raises(Invalid) as caught:
        await parse_segments([{"name": "b", "matchers": {}}, named])
    assert problems(caught) == [[1, *loc]]


async def test_a_list_of_segments() -> None:
    """Each has a name of its own, and there are not too many of them."""
    whole = [{"name": f"s{number}", "matchers": {}} for number in range(MAX_SEGMENTS)]
    assert [*await parse_segments(whole)] == [segment["name"] for segment in whole]
    with pytest.raises(TooLarge, match="1,000"):
        await parse_segments([*whole, {}])
    wrong: list[tuple[Any, list[Any]]] = [
        ({}, []),
        ([{"matchers": {}}], [0, "name"]),
        ([*whole[:2], whole[0]], [2, "name"]),
    ]
    for values, loc in wrong:
        with pytest.raises(Invalid) as caught:
            await parse_segments(values)
        assert problems(caught) == [loc]
    with pytest.raises(TooLarge, match="segment 0"):
        await parse_segments([{"name": "x" * (MAX_CAMPAIGN_BYTES + 1)}])
