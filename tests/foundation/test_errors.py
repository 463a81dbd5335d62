"""The errors that a service answers with."""

import pytest

from foundation.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    OutcomeUnknown,
    PreconditionFailed,
    ServiceError,
    TooLarge,
    Unauthorized,
    Unavailable,
    describe,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid.at("level", msg="must be a number"), 422),
        (Unauthorized("no token"), 401),
        (Forbidden("switched off"), 403),
        (NotFound("no such thing"), 404),
        (Conflict("taken"), 409),
        (PreconditionFailed("moved"), 412),
        (TooLarge("over 1 byte"), 413),
        (Unavailable("away"), 503),
        (OutcomeUnknown("sent"), 503),
    ],
)
def test_each_error_knows_its_status(error: ServiceError, status: int) -> None:
    """One place decides which status an error has."""
    assert error.status == status


def test_what_is_away_says_when_to_come_back() -> None:
    """503 carries Retry-After."""
    assert Unavailable("away").headers == {"Retry-After": "1"}
    assert OutcomeUnknown("sent", retry_after=5).headers == {"Retry-After": "5"}


def test_an_invalid_input_lists_every_problem() -> None:
    """The detail is the list; the text is one line for logs and terminals."""
    error = Invalid([{"loc": ["items", 3, "id"], "msg": "is missing"}, {"loc": [], "msg": "bad"}])
    assert error.detail == [
        {"loc": ["items", 3, "id"], "msg": "is missing"},
        {"loc": [], "msg": "bad"},
    ]
    assert str(error) == "items.3.id: is missing; bad"


def test_a_problem_is_described_in_one_line() -> None:
    """Where it stands comes first, when it stands somewhere."""
    assert describe({"loc": ["a", 0], "msg": "is wrong"}) == "a.0: is wrong"
    assert describe({"loc": [], "msg": "is wrong"}) == "is wrong"
