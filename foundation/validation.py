"""Reading JSON strictly and telling what is wrong with it without repeating it."""

from typing import Any, TypeVar, get_args

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from foundation.errors import Invalid, Problem

Model = TypeVar("Model", bound=BaseModel)

MAX_PROBLEMS = 100
MAX_KEY_SHOWN = 128


def parse_json(body: bytes, *loc: str | int) -> Any:
    """Parse JSON; NaN, numbers beyond a double and lone surrogates are refused.

    Raises:
        Invalid: the body is not JSON; the message says where it breaks.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid.at(*loc, msg=f"is not valid JSON: {error}") from None


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
        raise Invalid(_problems_of(error, model, *loc)) from None


def _problems_of(error: ValidationError, model: type[BaseModel], *loc: str | int) -> list[Problem]:
    """List what pydantic found wrong, without the input: it may hold a secret or a NaN.

    At most 100 problems, so that an error is never much larger than its cause.
    """
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        {"loc": [*loc, *_readable(found["loc"])], "msg": _message(found, model)}
        for found in problems[:MAX_PROBLEMS]
    ]


def _message(found: ErrorDetails, model: type[BaseModel]) -> str:
    if found["type"] == "extra_forbidden":
        return f"is not known here; allowed: {', '.join(_fields_at(found['loc'][:-1], model))}"
    return found["msg"].removeprefix("Value error, ")


def _fields_at(loc: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """Name the fields of the model that stands at `loc` in `model`."""
    for step in loc:
        annotation = model.model_fields[str(step)].annotation
        inner = (annotation, *get_args(annotation))
        model = next(
            kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)
        )
    return list(model.model_fields)


def _readable(loc: tuple[int | str, ...]) -> list[int | str]:
    """Shorten keys that the sender chose."""
    return [step if isinstance(step, int) else step[:MAX_KEY_SHOWN] for step in loc]
