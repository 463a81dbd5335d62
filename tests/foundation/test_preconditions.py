"""If-Match and If-None-Match, after RFC 9110."""

import pytest

from foundation.errors import Invalid, PreconditionFailed
from foundation.preconditions import Preconditions

ETAG = '"store-1"'
WEAK = 'W/"store-1"'


def holds(conditions: Preconditions, etag: str | None, *, strongly: bool = True) -> bool:
    """Return whether the conditions hold for a resource that has `etag`."""
    try:
        conditions.check(etag, strongly=strongly)
    except PreconditionFailed:
        return False
    return True


@pytest.mark.parametrize("etag", [None, ETAG])
def test_without_conditions_everything_goes(etag: str | None) -> None:
    """A write that makes no condition meets none."""
    assert holds(Preconditions(), etag)


@pytest.mark.parametrize(
    ("header", "etag", "expected"),
    [
        (ETAG, ETAG, True),
        (f'"other", {ETAG}', ETAG, True),
        ("*", ETAG, True),
        ('"other"', ETAG, False),
        (ETAG, None, False),
        ("*", None, False),
        (WEAK, ETAG, False),
        ("store-1", ETAG, False),
        (",", ETAG, False),
    ],
)
def test_if_match(header: str, etag: str | None, *, expected: bool) -> None:
    """It holds for the very ETag, or `*` for whatever exists; weak ones never match."""
    assert holds(Preconditions(if_match=header), etag) is expected


@pytest.mark.parametrize(
    ("header", "etag", "expected"),
    [
        ("*", None, True),
        (ETAG, None, True),
        ('"other"', ETAG, True),
        ("*", ETAG, False),
        (ETAG, ETAG, False),
        (WEAK, ETAG, False),
        (f'"other", {ETAG}', ETAG, False),
    ],
)
def test_if_none_match(header: str, etag: str | None, *, expected: bool) -> None:
    """It holds unless the ETag is named, weakly compared, or anything exists for `*`."""
    assert holds(Preconditions(if_none_match=header), etag) is expected


@pytest.mark.parametrize(("header", "expected"), [(WEAK, True), (ETAG, True), ('W/"x"', False)])
def test_what_has_a_weak_etag_is_compared_weakly(header: str, *, expected: bool) -> None:
    """A condition on all campaigns takes the snapshot's weak ETag."""
    assert holds(Preconditions(if_match=header), WEAK, strongly=False) is expected


def test_both_must_hold() -> None:
    """One that fails is enough."""
    assert not holds(Preconditions(if_match=ETAG, if_none_match="*"), ETAG)


def test_a_header_may_come_in_several_lines() -> None:
    """They are one list of ETags."""
    conditions = Preconditions.of_headers(['"other"', ETAG], None)
    assert holds(conditions, ETAG)
    assert not holds(conditions, '"third"')


@pytest.mark.parametrize("lines", [[""], [" ", ","]])
def test_a_header_without_an_etag_is_refused(lines: list[str]) -> None:
    """Its sender meant a condition, and would get none."""
    with pytest.raises(Invalid, match="must name an ETag"):
        Preconditions.of_headers(None, lines)


def test_no_header_is_no_condition() -> None:
    """Such preconditions are false."""
    assert not Preconditions.of_headers(None, None)
    assert Preconditions.of_headers(["*"], None)
    assert Preconditions.of_headers(None, ["*"])
