"""Names of campaigns and ids of players."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts.keys import MAX_KEY_LENGTH, Key, normalise_key
from tests.strategies import keys

KEY: TypeAdapter[str] = TypeAdapter(Key)


@pytest.mark.parametrize(
    "name", ["a", "Summer Event", "夏祭り", "...", ".a", "a.b", "%2F", "🎄", "x" * MAX_KEY_LENGTH]
)
def test_accepts(name: str) -> None:
    """A printable name is kept as it is, spaces and all scripts included."""
    assert KEY.validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "a/b",
        "/",
        "a\\b",
        "a\nb",
        "a\n",
        "a\tb",
        "a\0",
        "a\x7f",
        "a\x85b",
        " a",
        "a ",
        "a\u00a0b",
        "a\u200bb",
        "a\u2028b",
        "\u202ea",
        "\ue000",
        "\ufffd",
        "a\ufffdb",
        "x" * (MAX_KEY_LENGTH + 1),
    ],
)
def test_refuses(name: str) -> None:
    """What cannot stand in a path or be seen on a screen is refused, with the rule."""
    with pytest.raises(ValueError, match=r"^must be 1 to 128 printable characters"):
        normalise_key(name)
    with pytest.raises(ValidationError, match="must be 1 to 128 printable characters"):
        KEY.validate_python(name)


@pytest.mark.parametrize("name", [None, 5, True, b"a", ["a"], "\ud800", "x" * 10_000])
def test_refuses_what_is_no_name(name: object) -> None:
    """Other types, a lone surrogate and a very long text are refused, not converted."""
    with pytest.raises(ValidationError):
        KEY.validate_python(name, strict=True)


@given(keys())
def test_normalises(name: str) -> None:
    """Every accepted name is NFC, and composed and decomposed forms are the same key."""
    key = KEY.validate_python(name)
    assert unicodedata.is_normalized("NFC", key)
    assert normalise_key(key) == key
    assert normalise_key(unicodedata.normalize("NFD", name)) == key


def test_a_very_long_text_is_not_normalised() -> None:
    """A text over four times the limit is refused for its length as it was sent, by the rule."""
    with pytest.raises(ValidationError, match="must be 1 to 128 printable"):
        KEY.validate_python("x" * (4 * MAX_KEY_LENGTH + 1))


def test_normalises_a_decomposed_letter() -> None:
    """A letter and its accent become one character."""
    assert normalise_key("e\u0301te\u0301") == "\u00e9t\u00e9"


def test_length_counts_after_normalisation() -> None:
    """What is 128 characters once normalised is accepted, longer as it may have been sent."""
    assert KEY.validate_python("e\u0301" * MAX_KEY_LENGTH) == "\u00e9" * MAX_KEY_LENGTH
    with pytest.raises(ValidationError):
        KEY.validate_python("e\u0301" * (MAX_KEY_LENGTH + 1))
    # U+0958 becomes two characters.
    with pytest.raises(ValidationError):
        KEY.validate_python("\u0958" * MAX_KEY_LENGTH)


@given(st.text())
def test_is_accepted_or_refused(name: str) -> None:
    """Any text is a key that can stand in a path, or a ValueError."""
    try:
        key = normalise_key(name)
    except ValueError:
        return
    assert 1 <= len(key) <= MAX_KEY_LENGTH
    assert key not in {".", ".."}
    assert not {"/", "\\", "\0", "\n"} & set(key)
