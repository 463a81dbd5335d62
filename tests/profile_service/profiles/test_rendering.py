"""Rendering: any stored document becomes JSON, and an ordinary one stays as it is."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import bson
import orjson
import pytest
from bson.binary import Binary
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.objectid import ObjectId
from bson.regex import Regex
from bson.timestamp import Timestamp
from hypothesis import example, given
from hypothesis import strategies as st

from foundation.mongo import CODEC
from profile_service.profiles.rendering import render
from testbed.builders import golden
from tests.profile_service.profiles.bson_documents import (
    a_nested_value,
    bson_values,
    documents,
    json_values,
    unsendable_values,
)
from tests.strategies import stored_profiles


def refuse(constant: str) -> None:
    """Fail on what Python's parser takes and JSON does not have."""
    pytest.fail(f"{constant} is no JSON")


def parsed(body: bytes) -> Any:
    """Return what both parsers read in strict JSON, after checking that they agree on its shape."""
    by_orjson = orjson.loads(body)
    assert shape(json.loads(body, parse_constant=refuse)) == shape(by_orjson)
    return by_orjson


def shape(value: Any) -> Any:
    """Return a value with types in the place of leaves."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value)


def rendered(value: Any) -> Any:
    """Return what a client reads in the place of a stored value."""
    stored = bson.decode(bson.encode({"_custom": value}), CODEC)
    return parsed(render(stored))["_custom"]


@given(documents(bson_values() | json_values()))
def test_any_bson_document_is_json(document: dict[str, Any]) -> None:
    """A document of any BSON types, read as the store reads it, renders to valid JSON."""
    stored = bson.decode(bson.encode(document), CODEC)
    assert list(parsed(render(stored))) == list(stored)


@given(
    documents(
        st.one_of(bson_values(), json_values(), unsendable_values()), keys=st.text(max_size=3)
    )
)
def test_any_python_document_is_json(document: dict[str, Any]) -> None:
    """Text that is no UTF-8 and integers of any size render to valid JSON, keys included."""
    assert isinstance(parsed(render(document)), dict)


@given(documents(json_values()))
@example({"a": 400, "b": 400.0, "c": -0.0, "d": 1e300})
def test_json_renders_as_it_is(document: dict[str, Any]) -> None:
    """A document of JSON's own types keeps its values, their types and the order of keys."""
    assert json.dumps(json.loads(render(document))) == json.dumps(document)


@given(stored_profiles())
def test_profiles_render_as_they_are(profile: dict[str, Any]) -> None:
    """A profile as it may be written is served value for value, dates as the text sent."""
    assert json.dumps(json.loads(render(profile))) == json.dumps(profile)


def test_golden() -> None:
    """The profile of tests/data renders exactly as it was sent."""
    document = golden("profile")
    assert json.dumps(json.loads(render(document))) == json.dumps(document)


@pytest.mark.parametrize("depth", [100, 199, 250, 300, 2000])
def test_deep_nesting_is_no_error(depth: int) -> None:
    """A document deeper than parsers read is cut off; one of a store's depth is whole."""
    body = render({"a": a_nested_value(depth)})
    parsed(body)
    assert (b"..." in body) == (depth > 250)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_643_716_800_500, "2022-02-01T12:00:00.500000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999000Z"),
        (253_402_300_800_000, "10000-01-01T00:00:00.000Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00Z"),
        (-62_135_596_800_001, "0000-12-31T23:59:59.999Z"),
        (-62_167_219_200_001, "-0001-12-31T23:59:59.999Z"),
        # The ends of 64 bits, as a library of another language writes them.
        (2**63 - 1, "292278994-08-17T07:12:55.807Z"),
        (-(2**63), "-292275055-05-16T16:47:04.192Z"),
    ],
)
def test_dates(milliseconds: int, text: str) -> None:
    """A date is RFC 3339 with Z, with as many digits of the year as it needs."""
    assert rendered(DatetimeMS(milliseconds)) == text


@given(st.datetimes().map(lambda moment: moment.replace(tzinfo=UTC)))
def test_dates_are_read_back(moment: datetime) -> None:
    """Every date that Python has is the same instant when a client parses it."""
    milliseconds = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert datetime.fromisoformat(rendered(moment)) == milliseconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (Int64(2**63 - 1), 2**63 - 1),
        (Decimal128("0.10"), "0.10"),
        (Decimal128("NaN"), "NaN"),
        (Decimal128("-Infinity"), "-Infinity"),
        (Decimal128.from_bid(b"\xff" * 14 + b"\x41\x30"), "0"),  # 35 digits: not canonical
        (ObjectId("62d6e1a3f1a2b3c4d5e6f708"), "62d6e1a3f1a2b3c4d5e6f708"),
        (b"\xff\x00", base64.b64encode(b"\xff\x00").decode()),
        (Binary(b"\xff", 128), base64.b64encode(b"\xff").decode()),
        (Timestamp(1, 2), "Timestamp(1, 2)"),
        (Regex("^a", "i"), "Regex('^a', 2)"),
    ],
)
def test_types_that_json_lacks(value: Any, expected: Any) -> None:
    """Each type that JSON lacks has its readable form."""
    assert rendered(value) == expected


def test_integers_beyond_64_bits_are_text() -> None:
    """An integer that parsers of other languages would round is text, all others are numbers."""
    document = {"a": 2**64, "b": 2**64 - 1, "c": -(2**63), "d": -(2**63) - 1, "e": True}
    assert parsed(render(document)) == {
        "a": str(2**64),
        "b": 2**64 - 1,
        "c": -(2**63),
        "d": str(-(2**63) - 1),
        "e": True,
    }


def test_lone_surrogates_are_replaced() -> None:
    """Text that UTF-8 cannot hold loses that character only, dates beside it stay dates."""
    document = {"a\ud800": "b\udfff", "at": datetime(2022, 2, 1, tzinfo=UTC)}
    assert parsed(render(document)) == {"a?": "b?", "at": "2022-02-01T00:00:00Z"}
