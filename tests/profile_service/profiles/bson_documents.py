"""Hypothesis strategies: documents as anybody could have put them into MongoDB."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

import bson
from bson.binary import Binary
from bson.code import Code
from bson.datetime_ms import DatetimeMS
from bson.dbref import DBRef
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.max_key import MaxKey
from bson.min_key import MinKey
from bson.objectid import ObjectId
from bson.regex import Regex
from bson.timestamp import Timestamp
from hypothesis import strategies as st

from foundation.mongo import CODEC

_INT64 = st.integers(-(2**63), 2**63 - 1)
_UINT32 = st.integers(0, 2**32 - 1)
_TEXTS = st.text(max_size=8)
_KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_PATTERNS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)

# Year 10000, year 0, and as far as 64 bits go.
_MILLISECONDS = st.one_of(
    st.sampled_from((253_402_300_800_000, -62_135_596_800_001, 2**63 - 1, -(2**63))), _INT64
)


def json_values() -> st.SearchStrategy[Any]:
    """What JSON has, with integers of 64 bits and finite floats."""
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    return st.one_of(
        st.none(), st.booleans(), texts, _INT64, st.floats(allow_nan=False, allow_infinity=False)
    )


def bson_values() -> st.SearchStrategy[Any]:
    """What BSON has, beyond JSON: any value of any type that the driver gives back."""
    return st.one_of(
        st.floats(),
        st.sampled_from((MinKey(), MaxKey())),
        st.datetimes(timezones=st.just(UTC)),
        _MILLISECONDS.map(DatetimeMS),
        st.binary(min_size=12, max_size=12).map(ObjectId),
        st.sampled_from(("NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1E+6144", "0.10")).map(
            Decimal128
        ),
        st.binary(min_size=16, max_size=16).map(Decimal128.from_bid),
        _INT64.map(Int64),
        st.binary(max_size=8),
        st.builds(Binary, st.binary(max_size=8), st.integers(5, 255)),
        st.builds(Regex, _PATTERNS, st.integers(0, 2**6 - 1)),
        st.builds(Code, _KEYS, st.none() | st.dictionaries(_KEYS, _INT64, max_size=1)),
        st.builds(Timestamp, _UINT32, _UINT32),
        st.builds(DBRef, _KEYS, _INT64),
    )


def unsendable_values() -> st.SearchStrategy[Any]:
    """What BSON lacks and Python has: integers beyond 64 bits, and lone surrogates."""
    return st.one_of(st.integers(2**63, 2**70), st.integers(-(2**70), -(2**63) - 1), _TEXTS)


def documents(
    values: st.SearchStrategy[Any], *, keys: st.SearchStrategy[str] = _KEYS
) -> st.SearchStrategy[dict[str, Any]]:
    """Nested documents of such values."""
    nested = st.recursive(
        values,
        lambda children: st.lists(children, max_size=3) | st.dictionaries(keys, children),
        max_leaves=6,
    )
    return st.dictionaries(keys, nested, max_size=4)


def stored_documents(known: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Documents as they are read from the store, with some of the known fields.

    Each of these is what is given for it, or any BSON value.
    """
    values = bson_values() | json_values()
    nested = st.one_of(values, st.lists(values, max_size=3), documents(values))
    fields = st.fixed_dictionaries(
        {}, optional={field: usual | nested for field, usual in known.items()}
    )
    return st.builds(
        lambda others, fields: bson.decode(bson.encode({**others, **fields}), CODEC),
        documents(values),
        fields,
    )


def a_nested_value(depth: int) -> Any:
    """Return a value that is `depth` lists and documents deep."""
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value
