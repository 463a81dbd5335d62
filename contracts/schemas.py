"""JSON Schemas of campaigns, segments and profiles, made for editors.

A schema takes every document that the services take, `null` for absent fields included, and
refuses unknown keys. What it cannot say (limits over several fields, dates of no calendar) is
left to the services.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from pydantic import BaseModel

from contracts.campaign import Campaign
from contracts.descriptions import DESCRIPTIONS
from contracts.keys import MAX_RAW_KEY_LENGTH
from contracts.profile import Clan, Device, Profile
from contracts.segment import Segment
from contracts.where import UNREADABLE_FIELDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class SchemaName(StrEnum):
    """What there is a schema of."""

    CAMPAIGN = "campaign"
    SEGMENT = "segment"
    PROFILE = "profile"


_MODELS: Mapping[SchemaName, type[BaseModel]] = {
    SchemaName.CAMPAIGN: Campaign,
    SchemaName.SEGMENT: Segment,
    SchemaName.PROFILE: Profile,
}

# In place of formats: an editor's idea of a date has no space for the T.
_PATTERNS = {
    "date-time": (
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?"
        "([Zz]|[+-][0-9]{2}:[0-5][0-9])$"
    ),
    "duration": (
        "^P(?=.)([0-9]{1,6}W)?([0-9]{1,6}D)?"
        "(T(?=.)([0-9]{1,6}H)?([0-9]{1,8}M)?([0-9]{1,10}([.][0-9]{1,6})?S)?)?$"
    ),
}
_PATH_PATTERN = f"^(?!({'|'.join(UNREADABLE_FIELDS)})([.]|$))[^.$][^.]*([.][^.$][^.]*)*$"
# As far as it can be said: no dots alone, no space at either end, no slash or control character.
_KEY_PATTERN = r"^(?![.]{1,2}$)(?! )(?!.* $)[^/\\\u0000-\u001f]+$"
_CUSTOM_PATTERN = "^_(?!id$)[^.]*$"
_ITEM_PATTERN = "^[^.$][^.]*$"
# What must name one field at least.
_NOT_EMPTY = ("LevelRange", "Conditions", "SegmentReference", "FieldTest")
# What the services set themselves.
_READ_ONLY = ("last_updated", "active_campaigns", "lists", "overrides")
_INTEGER_OR_NUMBER = [{"type": "integer"}, {"type": "number"}]
# What pydantic writes of a bound on a whole union.
_BOUNDS = {"ge": "minimum", "le": "maximum"}


@cache
def schema_text(name: SchemaName, *, of_list: bool = False) -> str:
    """Return a JSON Schema as it is printed and served, the same text every time."""
    return json.dumps(list_schema_of(name) if of_list else schema_of(name), indent=2) + "\n"


def schema_of(name: SchemaName) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a campaign, a segment or a profile."""
    model = _MODELS[name]
    raw = model.model_json_schema()
    definitions = {each: _of_model(each, text) for each, text in raw.pop("$defs").items()}
    return {"$schema": DIALECT, **_of_model(model.__name__, raw), "$defs": definitions}


def list_schema_of(name: SchemaName) -> dict[str, Any]:
    """Return the JSON Schema of a list of them, for files of several."""
    one = schema_of(name)
    definitions = {str(name): one, **one.pop("$defs")}
    del one["$schema"]
    return {
        "$schema": DIALECT,
        "title": f"A list of {name}s",
        "type": "array",
        "items": {"$ref": f"#/$defs/{name}"},
        "$defs": definitions,
    }


def _of_model(name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a model, from pydantic's."""
    first = {key: raw[key] for key in ("title", "description", "type") if key in raw}
    schema: dict[str, Any] = _tidy({**first, **raw})
    required = schema.get("required", ())
    for field, text in schema.get("properties", {}).items():
        described = _or_null(text) if field not in required else text
        described["description"] = DESCRIPTIONS[name][field]
        if field in _READ_ONLY:
            described["readOnly"] = True
        schema["properties"][field] = described
    if name in _NOT_EMPTY:
        schema["minProperties"] = 1
    if name == "Matchers":
        _complete_matchers(schema["properties"])
    elif name == "Profile":
        _map_in(schema["properties"]["inventory"])["propertyNames"] = {"pattern": _ITEM_PATTERN}
    if schema.get("additionalProperties") is True:  # custom fields
        schema["additionalProperties"] = False
        schema["patternProperties"] = {_CUSTOM_PATTERN: {}}
    return schema


def _tidy(node: Any) -> Any:
    """Return pydantic's schema without what it adds for Python, and with patterns for formats."""
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    tidied = {
        _BOUNDS.get(key, key): _tidied_properties(value) if key == "properties" else _tidy(value)
        for key, value in node.items()
        if key != "default"
    }
    if tidied.get("anyOf") == _INTEGER_OR_NUMBER:  # an editor would ask for an integer
        del tidied["anyOf"]
        tidied = {"type": "number", **tidied}
    if tidied.get("maxLength") == MAX_RAW_KEY_LENGTH:
        tidied["pattern"] = _KEY_PATTERN
    pattern = _PATTERNS.get(str(tidied.get("format")))
    if pattern is not None:
        del tidied["format"]
        tidied["pattern"] = pattern
    return tidied


def _tidied_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a model, whose names may be those of keywords."""
    fields = {name: _tidy(schema) for name, schema in properties.items()}
    for schema in fields.values():
        schema.pop("title", None)
    return fields


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field that may be absent, and so null."""
    null = {"type": "null"}
    takes_all = not schema or schema.get("$ref") == "#/$defs/JsonValue"
    if takes_all or null in schema.get("anyOf", ()) or "null" in schema.get("type", ()):
        return {} if takes_all else schema
    return {"anyOf": [schema, null]}


def _complete_matchers(fields: dict[str, Any]) -> None:
    """Let an editor offer the paths that all profiles may have, and refuse those that none has."""
    test = {"$ref": "#/$defs/FieldTest"}
    where = _map_in(fields["where"])
    where |= {
        "properties": dict.fromkeys(_known_paths(), test),
        "propertyNames": {**where["propertyNames"], "pattern": _PATH_PATTERN},
        "minProperties": 1,
    }
    for field in ("any", "all", "none"):
        _map_in(fields[field])["minItems"] = 1


def _map_in(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of the field when it is not null."""
    inner: dict[str, Any] = schema["anyOf"][0]
    return inner


def _known_paths() -> list[str]:
    inside: dict[str, type[BaseModel]] = {"clan": Clan, "devices": Device}
    return [
        path
        for name in Profile.model_fields
        if name not in (*UNREADABLE_FIELDS, "inventory")
        for path in (
            [f"{name}.{field}" for field in inside[name].model_fields] if name in inside else [name]
        )
    ]
