"""The lines at which the parts of JSON stand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_line.files import CAMPAIGNS, WrongFile
from command_line.located import Located, NotJson, read_located

TEXT = """\
[
  {"name": "one",
   "where": {
     "a.b": [1, 2.50,
       {"c": null}],
     "a.b": {"d":
       "}]"}
   }
  },

  ["two"], 3
]
"""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


def located(tmp_path: Path, text: str | bytes) -> list[Located | NotJson]:
    """Return what is read from a file with this text."""
    path = tmp_path / "campaigns.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [*read_located(path, CAMPAIGNS)]


@pytest.mark.parametrize(
    ("index", "loc", "line"),
    [
        (0, (), 2),
        (0, ("name",), 2),
        (0, ("where",), 3),
        (0, ("where", "a.b"), 6),  # the last of two counts
        (0, ("where", "a.b", "d"), 6),
        (0, ("where", "a.b", "none"), 6),
        (0, ("where", "none", "d"), 3),
        (0, ("none", "where"), 2),
        (0, ("name", 0), 2),
        (1, (0,), 11),
        (2, (), 11),
        (2, ("a",), 11),
    ],
)
def test_lines(tmp_path: Path, index: int, loc: tuple[str | int, ...], line: int) -> None:
    """The line of the key or the element; of what is around it where it does not stand."""
    item = located(tmp_path, TEXT)[index]
    assert isinstance(item, Located)
    assert item.line_of(loc) == line


def test_repeated_keys(tmp_path: Path) -> None:
    """Each by its place, however deep; none where there are none."""
    text = '{"a": 1, "b": [{"c": {"d": 1, "e": 2,\n"d": "}"}}], "a": 3, "a": {"f": 1, "f": 2}}'
    [item] = located(tmp_path, text)
    assert isinstance(item, Located)
    assert [*item.repeated_keys()] == [("b", 0, "c", "d"), ("a",), ("a",), ("a", "f")]
    [plain] = located(tmp_path, '[{"a": {"a": [1, {"a": 1}]}, "b": {"a": 2}}]')
    assert isinstance(plain, Located)
    assert [*plain.repeated_keys()] == []


def places(value: Any, loc: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield where every part of a value stands."""
    yield loc
    children = value.items() if isinstance(value, dict) else ()
    for step, inner in enumerate(value) if isinstance(value, list) else children:
        yield from places(inner, (*loc, step))


@given(JSON)
def test_every_part_is_found(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    """Written with one part a line, each part stands on its own line, in the order of reading."""
    text = json.dumps([value], indent=1, ensure_ascii=False)
    [item] = located(tmp_path_factory.getbasetemp(), text)
    assert isinstance(item, Located)
    assert item.value == value
    lines = [item.line_of(loc) for loc in places(value)]
    assert lines == sorted(set(lines))
    for loc, line in zip(places(value), lines, strict=True):
        if loc and isinstance(loc[-1], str):
            written = text.split("\n")[line - 1].strip()
            assert written.startswith(json.dumps(loc[-1], ensure_ascii=False) + ":")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_one_object_per_line(tmp_path: Path, end: str) -> None:
    """Each with its own line; a line that is no JSON does not hide the others."""
    text = end.join(['{"name": "one"}', "", '{"name": }', '{"name": "two"}'])
    one, broken, two = located(tmp_path, text)
    assert isinstance(one, Located)
    assert isinstance(two, Located)
    assert (one.line_of(["name"]), two.line_of(["name"])) == (1, 4)
    assert isinstance(broken, NotJson)
    assert broken.line == 3


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('[\n{"name": "a"\n"game": "b"}\n]', 3, "is not valid JSON: "),
        ("[1]\n]", 2, "is not valid JSON: "),
        ("\n\n" + "[" * 500 + "]" * 500, 1, "is nested too deeply"),
        (b'{"a": "\xff"}', 1, "is not valid JSON: "),
    ],
)
def test_what_is_no_json(tmp_path: Path, text: str | bytes, line: int, reason: str) -> None:
    """The line at which it breaks, and why."""
    [broken] = located(tmp_path, text)
    assert isinstance(broken, NotJson)
    assert broken.line == line
    assert broken.reason.startswith(reason)


@pytest.mark.parametrize("text", ["", " \n", '{"player_id": "a"}', "a,b\n1,2", b"[\0]\0"])
def test_other_files(tmp_path: Path, text: str | bytes) -> None:
    """What is seen to hold no campaigns at all is refused as a whole."""
    with pytest.raises(WrongFile):
        located(tmp_path, text)


def test_a_byte_order_mark_and_long_numbers(tmp_path: Path) -> None:
    """Neither moves a line nor takes long."""
    text = b"\xef\xbb\xbf\n[" + b"1" * 300 + b",\n" + orjson.dumps({"a": 1}) + b"]"
    number, item = located(tmp_path, text)
    assert isinstance(number, Located)
    assert isinstance(item, Located)
    assert item.line_of(["a"]) == 3
