"""The JSON Schemas that editors are given."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from pydantic import BaseModel

from contracts.campaign import Campaign
from contracts.profile import Profile
from contracts.schemas import SchemaName, list_schema_of, schema_of, schema_text
from contracts.segment import Segment
from testbed.builders import a_profile, golden
from tests.contracts.refusals import with_value
from tests.language import sets_of_segments, targeted_campaigns
from tests.strategies import stored_profiles

SMALLEST = {"game": "mygame", "name": "mycampaign"}
VALIDATORS = {name: jsonschema_rs.Draft202012Validator(schema_of(name)) for name in SchemaName}
# What only the services can say: rules over several fields, and dates of no calendar.
BEYOND_A_SCHEMA = {
    "name over 128 characters",
    "path too long",
    "nest 6",
    "payload deep",
    "start 30 February",
    "leap second",
    "end before start",
    "end equals start",
    "level min above max",
    "eq long text",
    "not_in long text",
    "eq beyond 64",
    "lte huge",
    "ignore_case alone",
    "ignore_case beside eq",
    "older_than too long",
    "version words",
    "version star",
    "version empty",
    "percent three decimals",
    "tags twice",
    "payload dollar",
    "payload dollar deep",
    "payload nul",
    "payload number",
    "variants twice",
    "variant payload dollar",
}


def takes(name: SchemaName, document: Any) -> bool:
    """Return whether a schema takes a document."""
    return VALIDATORS[name].is_valid(document)


def written(model: BaseModel) -> Any:
    """Return a model as it is on the wire."""
    return json.loads(model.model_dump_json(exclude_none=True))


@pytest.mark.parametrize("name", SchemaName)
def test_each_is_a_schema_of_the_draft(name: SchemaName) -> None:
    """With a title and a description, no address, and the same text every time."""
    for schema in (schema_of(name), list_schema_of(name)):
        jsonschema_rs.meta.validate(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["title"]
        assert "$id" not in json.dumps(schema)
    schema_text.cache_clear()
    first = schema_text(name)
    schema_text.cache_clear()
    assert schema_text(name) == first
    assert json.loads(first) == schema_of(name)


def fields(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield every field of every model of a schema."""
    for model in (schema, *schema["$defs"].values()):
        yield from model.get("properties", {}).items()


@pytest.mark.parametrize("name", SchemaName)
def test_every_field_is_described(name: SchemaName) -> None:
    """In a sentence that an editor shows."""
    for field, schema in fields(schema_of(name)):
        assert schema["description"].endswith((".", "Z")), field


@given(targeted_campaigns())
def test_every_campaign_is_taken(campaign: Campaign) -> None:
    """As it is written, alone and in a list."""
    document = written(campaign)
    VALIDATORS[SchemaName.CAMPAIGN].validate(document)
    jsonschema_rs.Draft202012Validator(list_schema_of(SchemaName.CAMPAIGN)).validate([document])


@given(sets_of_segments())
def test_every_segment_is_taken(segments: list[Segment]) -> None:
    """As it is written."""
    for segment in segments:
        VALIDATORS[SchemaName.SEGMENT].validate(written(segment))


@given(stored_profiles())
def test_every_profile_is_taken(profile: dict[str, Any]) -> None:
    """Whatever can be stored."""
    assert Profile.model_validate(profile)
    VALIDATORS[SchemaName.PROFILE].validate(profile)


def test_the_documented_ones_are_taken() -> None:
    """The golden files, with dates that have a space for the T."""
    assert takes(SchemaName.CAMPAIGN, golden("campaign"))
    assert takes(SchemaName.PROFILE, golden("profile"))


@pytest.mark.parametrize("field", [name for name in Campaign.model_fields if name not in SMALLEST])
def test_null_is_absent(field: str) -> None:
    """As it is for the services."""
    document = {**SMALLEST, field: None}
    assert Campaign.model_validate(document)
    assert takes(SchemaName.CAMPAIGN, document)


@pytest.mark.parametrize(
    "path",
    [
        "colour",
        "$schema",
        "matchers.xp",
        "matchers.level.from",
        "matchers.has.contry",
        "matchers.segment.not",
        "matchers.rollout.seed",
        "matchers.where",
    ],
)
def test_unknown_keys_of_a_campaign_are_refused(path: str) -> None:
    """At every level."""
    value = {"xp": {"between": 1}} if path.endswith("where") else ["a"]
    assert not takes(SchemaName.CAMPAIGN, with_value(golden("campaign"), path, value))


@pytest.mark.parametrize(
    ("path", "is_known"),
    [
        ("nickname", False),
        ("_nickname", True),
        ("_id", False),
        ("_a.b", False),
        ("clan.rank", False),
        ("clan._rank", True),
    ],
)
def test_custom_fields_of_a_profile(path: str, is_known: bool) -> None:  # noqa: FBT001
    """They start with `_`, in the profile and in its clan."""
    document = with_value(a_profile(), path, 1) if path != "_a.b" else a_profile(**{path: 1})
    assert takes(SchemaName.PROFILE, document) is is_known


@pytest.mark.parametrize("wrong", golden("wrong_campaigns"), ids=lambda wrong: wrong["title"])
def test_mistakes_are_marked_in_an_editor(wrong: dict[str, Any]) -> None:
    """All that a schema can express."""
    expected = wrong["title"] in BEYOND_A_SCHEMA
    assert takes(SchemaName.CAMPAIGN, wrong["campaign"]) is expected


def test_an_editor_asks_for_a_number() -> None:
    """And not for an integer first, where both are taken."""
    percent = schema_of(SchemaName.CAMPAIGN)["$defs"]["Rollout"]["properties"]["percent"]
    described = {"description": percent["description"]}
    assert percent == {"type": "number", "minimum": 0, "maximum": 100, **described}


def test_an_editor_offers_paths_and_operators() -> None:
    """The fields that all profiles may have, and for each the operators."""
    schema = schema_of(SchemaName.CAMPAIGN)
    where = schema["$defs"]["Matchers"]["properties"]["where"]["anyOf"][0]
    assert {"level", "clan.id", "devices.model", "last_session"} <= where["properties"].keys()
    assert {"active_campaigns", "overrides", "clan", "inventory"}.isdisjoint(where["properties"])
    assert {"eq", "in", "within", "version_gte"} <= schema["$defs"]["FieldTest"][
        "properties"
    ].keys()
