"""Strict JSON, and errors that tell what is wrong without repeating it."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from foundation.errors import Invalid
from foundation.validation import MAX_COUNTED, MAX_PROBLEMS, parse_as, parse_json


class Player(BaseModel):
    """A model that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    level: int = 0


class Team(BaseModel):
    """A model with a model in it."""

    captain: Player | None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b"-Infinity",
        b"[1e400]",
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"01",
        b"[1,]",
        b"{} {}",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda body: body[:12].decode("latin-1") or "nothing",
)
def test_what_is_no_strict_json_is_invalid(body: bytes) -> None:
    """Not a crash, and no value that JSON or a store does not have."""
    with pytest.raises(Invalid) as refused:
        parse_json(body, "body")
    assert str(refused.value).startswith("body: is not valid JSON")


@given(st.binary())
def test_any_bytes_are_json_or_invalid(body: bytes) -> None:
    """There is no third outcome."""
    with suppress(Invalid):
        parse_json(body)


def test_numbers_of_any_length_are_read_or_refused() -> None:
    """A number of many digits is a float or an error, never a slow integer."""
    assert isinstance(parse_json(b"1" * 300), float)
    with pytest.raises(Invalid, match="is not valid JSON"):
        parse_json(b"1" * 1000)


def test_a_good_value_is_a_model() -> None:
    """Defaults are filled in."""
    assert parse_as(Player, {"name": "Zoë"}) == Player(name="Zoë", level=0)


@pytest.mark.parametrize("value", [None, 7, "text", [], [{"name": "x"}]])
def test_anything_but_an_object_is_refused(value: object) -> None:
    """The message says what it must be."""
    with pytest.raises(Invalid, match="line 3: must be a JSON object"):
        parse_as(Player, value, "line 3")


def test_each_wrong_field_is_named_without_its_value() -> None:
    """All problems come at once; what was sent is not repeated."""
    with pytest.raises(Invalid) as refused:
        parse_as(Player, {"name": 7, "level": "hunter2", "credential": "hunter2"})
    text = str(refused.value)
    assert all(f"{field}: " in text for field in ("name", "level", "credential"))
    assert "hunter2" not in str(refused.value.detail)


def test_a_field_that_is_not_known_tells_those_that_are() -> None:
    """Wherever it stands: a mistyped name is found by looking at the list."""
    with pytest.raises(Invalid, match=r"captain\.nmae: is not known here; allowed: name, level"):
        parse_as(Team, {"captain": {"name": "Zoë", "nmae": "Zoë"}})


def test_an_error_is_not_much_larger_than_its_cause() -> None:
    """Very many problems are cut off, and long keys are."""
    with pytest.raises(Invalid) as refused:
        parse_as(Player, {"x" * 10_000 + str(number): 1 for number in range(1000)})
    assert len(refused.value.detail) == MAX_PROBLEMS
    assert len(str(refused.value)) < 300 * MAX_PROBLEMS


@pytest.mark.parametrize("value", [{}, {"captain": {}}])
def test_more_problems_than_anybody_reads_are_counted(value: dict[str, Any]) -> None:
    """To name a few of them pydantic would write all of them down, which takes long."""
    value.get("captain", value).update({str(number): 1 for number in range(MAX_COUNTED)})
    with pytest.raises(Invalid) as refused:
        parse_as(Team if "captain" in value else Player, value, "line 3")
    assert refused.value.detail == [
        {"loc": ["line 3"], "msg": f"has {MAX_COUNTED + 1} problems, too many to name"}
    ]


class Score(BaseModel):
    """A model with values of several types."""

    model_config = ConfigDict(strict=True)

    points: list[int | str]
    by: Player | None = None


def test_what_is_none_of_several_types_is_one_problem() -> None:
    """It stands where the sender put it, and says what each of the types allows."""
    with pytest.raises(Invalid) as refused:
        parse_as(Score, {"points": [1, None, {"a": 2}], "by": {}})
    problems = str(refused.value).split("; ")
    assert [problem.partition(": ")[0] for problem in problems] == [
        "points.1",
        "points.2",
        "by.name",
    ]
    assert [", or: " in problem for problem in problems] == [True, True, False]
