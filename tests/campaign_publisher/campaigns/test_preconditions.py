"""If-Match and If-None-Match, after RFC 9110."""

import pytest

from campaign_publisher.campaigns.preconditions import Preconditions
from foundation.errors import PreconditionFailed

ETAG = '"store-1"'
WEAK = 'W/"store-1"'


def holds(conditions: Preconditions, etag: str | None, *, strongly: bool = True) -> bool:
    """Tell whether the conditions hold for what has `etag`."""
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
