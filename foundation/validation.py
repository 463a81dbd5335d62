"""Reading JSON strictly and telling what is wrong with it without repeating it."""

from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from foundation.errors import Invalid, Problem

Model = TypeVar("Model", bound=BaseModel)


def parse_json(body: bytes, *loc: str | int) -> Any:
    """Parse JSON; NaN, numbers beyond a double and lone surrogates are refused.

    Raises:
        Invalid: the body is not JSON; the message says where it breaks.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid.at(*loc, msg=f"is not valid JSON: {error}") from None
    except RecursionError:
        raise Invalid.at(*loc, msg="is not valid JSON: nested too deeply") from None


def parse_as(model: type[Model], value: object, *loc: str | int) -> Model:
    """Validate a parsed JSON value as `model`.

    Raises:
        Invalid: naming each field that is wrong and what is allowed there.
    """
    if not isinstance(value, dict):
        raise Invalid.at(*loc, msg="must be a JSON object")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Invalid(problems_of(error, *loc)) from None


def problems_of(error: ValidationError, *loc: str | int) -> list[Problem]:
    """List what pydantic found wrong, without the input: it may hold a secret or a NaN."""
    return [
        {"loc": [*loc, *_readable(found["loc"])], "msg": _message(found["msg"])}
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _message(message: str) -> str:
    return message.removeprefix("Value error, ")


def _readable(loc: tuple[int | str, ...]) -> list[int | str]:
    """Shorten keys that the sender chose, so that an error is never as large as its cause."""
    return [step if isinstance(step, int) else step[:128] for step in loc]
