"""The errors that a service answers with, each with its HTTP status.

    ServiceError
    ├── BrokenOff             400  the request ended before its body did
    ├── Invalid               422  the input is wrong; says which field and what is allowed
    ├── Unauthorized          401  no token, or an unknown one
    ├── Forbidden             403  the token does not allow this, or none is configured
    ├── NotFound              404
    ├── BodyTimeout           408  the body stopped coming
    ├── Conflict              409  a stored document forbids it; an operator has to look at it
    ├── PreconditionFailed    412  If-Match or If-None-Match does not hold
    ├── TooLarge              413  says which limit
    ├── UnsupportedBody       415  the body is compressed
    └── Unavailable           503  a server that is needed is away; try again later
        └── OutcomeUnknown    503  a write may or may not have happened

A lower layer's exceptions are turned into these where they are caught. Any other exception is
answered with a 500 that says "internal error": its text never reaches a client.
"""

from collections.abc import Sequence
from typing import TypedDict


class Problem(TypedDict):
    """One thing that is wrong with the input: where it stands, and what is allowed there."""

    loc: list[str | int]
    msg: str


class ServiceError(Exception):
    """An answer other than success. `detail` is for clients; it holds no secret."""

    status = 500

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail: str | list[Problem] = detail
        self.headers: dict[str, str] = {}


class Invalid(ServiceError):
    """The input is wrong."""

    status = 422

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(describe(problem) for problem in problems))
        self.problems = list(problems)
        self.detail = self.problems

    @classmethod
    def at(cls, *loc: str | int, msg: str) -> "Invalid":
        """Return the error for one thing that is wrong at `loc`."""
        return cls([{"loc": list(loc), "msg": msg}])


class BrokenOff(ServiceError):
    """The request ended before its body did; the connection is closed."""

    status = 400

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.headers = {"Connection": "close"}


class BodyTimeout(ServiceError):
    """The body stopped coming; the connection is closed, or the rest would be waited for."""

    status = 408

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.headers = {"Connection": "close"}


class Unauthorized(ServiceError):
    """No valid token came with the request."""

    status = 401

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.headers = {"WWW-Authenticate": "Bearer"}


class Forbidden(ServiceError):
    """The request is understood and not allowed."""

    status = 403


class NotFound(ServiceError):
    """What was asked for does not exist."""

    status = 404


class Conflict(ServiceError):
    """A stored document does not allow the change."""

    status = 409


class PreconditionFailed(ServiceError):
    """A precondition of the request does not hold."""

    status = 412


class TooLarge(ServiceError):
    """The input is over a limit."""

    status = 413


class UnsupportedBody(ServiceError):
    """The body is encoded in a way that is not read."""

    status = 415


class Unavailable(ServiceError):
    """A server that is needed to answer is away."""

    status = 503

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(retry_after)}


class OutcomeUnknown(Unavailable):
    """A write was sent and its outcome could not be learnt in time."""


def describe(problem: Problem) -> str:
    """Write a problem as one line: where, and what is wrong."""
    where = ".".join(str(step) for step in problem["loc"])
    return f"{where}: {problem['msg']}" if where else problem["msg"]
