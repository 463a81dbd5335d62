"""The answers to errors as OpenAPI documents them."""

from typing import Any

from pydantic import BaseModel

from foundation.errors import Invalid


class ErrorAnswer(BaseModel):
    """An error in one sentence."""

    detail: str


class ProblemAnswer(BaseModel):
    """One thing that is wrong with the input: where it stands, and what is allowed there."""

    loc: list[str | int]
    msg: str


class InvalidAnswer(BaseModel):
    """Everything that is wrong with the input."""

    detail: list[ProblemAnswer]


_DESCRIPTIONS = {
    400: "The request ended before its body did, or is malformed",
    401: "No valid bearer token",
    403: "Not allowed, or no token is configured",
    404: "Not found",
    408: "The body stopped coming",
    409: "A stored document forbids it",
    405: "The path has no such method",
    412: "The precondition does not hold",
    413: "Over a limit; the message says which",
    415: "The body is compressed",
    500: "An unexpected error, which the log describes",
    503: "A server that is needed is away; try again later",
}


def error_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document these errors of a route for OpenAPI."""
    answers: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorAnswer, "description": _DESCRIPTIONS[status]}
        for status in statuses
        if status != Invalid.status
    }
    if Invalid.status in statuses:
        answers[422] = {
            "model": InvalidAnswer,
            "description": "Each field that is wrong, and what is allowed there",
        }
    return answers


UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The answer that If-None-Match names is still the newest"}
}

# Any route may answer with these.
COMMON_ERRORS = error_answers(405, 500)
