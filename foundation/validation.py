"""Reading JSON strictly and telling what is wrong with it without repeating it."""

from collections.abc import Iterable
from typing import Any, TypeVar, get_args

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from foundation.errors import Invalid, Problem

Model = TypeVar("Model", bound=BaseModel)

MAX_PROBLEMS = 100
MAX_COUNTED = 2000
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
        raise Invalid(_problems_of(error, model, value, *loc)) from None


def _problems_of(
    error: ValidationError, model: type[BaseModel], value: object, *loc: str | int
) -> list[Problem]:
    """List what pydantic found wrong, without the input: it may hold a secret or a NaN.

    What is none of a union's types is one problem, not one for each of them. At most 100
    problems, so that an error is never much larger than its cause. Where there are over 2,000,
    only their number is told: pydantic writes down all of them or none, and that takes long.
    """
    if (found_in_all := error.error_count()) > MAX_COUNTED:
        message = f"has {found_in_all} problems, too many to name"
        return [{"loc": [*loc], "msg": message}]
    problems: list[Problem] = []
    unions: dict[tuple[int | str, ...], Problem] = {}
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        place = _place(found, value)
        message = _message(found, model)
        if (of_union := unions.get(place)) is not None:
            of_union["msg"] += f", or: {message}"
            continue
        if len(problems) == MAX_PROBLEMS:
            break
        problems.append({"loc": [*loc, *readable(place)], "msg": message})
        if len(place) < len(found["loc"]):
            unions[place] = problems[-1]
    return problems


def _place(found: ErrorDetails, value: Any) -> tuple[int | str, ...]:
    """Give where in `value` a problem is: pydantic adds the name of the union's type it tried."""
    for depth, step in enumerate(found["loc"]):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            is_missing = found["type"] == "missing" and depth == len(found["loc"]) - 1
            return found["loc"] if is_missing else found["loc"][:depth]
    return found["loc"]


def _message(found: ErrorDetails, model: type[BaseModel]) -> str:
    if found["type"] == "extra_forbidden":
        return f"is not known here; allowed: {', '.join(_fields_at(found['loc'][:-1], model))}"
    if found["type"] in _TYPES:
        return f"must be {_TYPES[found['type']]}"
    return found["msg"].removeprefix("Value error, ")


# What pydantic calls by Python's names, in JSON's.
_TYPES = {
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "a JSON object",
    "dict_type": "a JSON object",
}


def _fields_at(loc: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """Name the fields of the model that stands at `loc` in `model`."""
    for step in loc:
        annotation = model.model_fields[str(step)].annotation
        inner = (annotation, *get_args(annotation))
        model = next(
            kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)
        )
    return list(model.model_fields)


def readable(loc: Iterable[int | str]) -> list[int | str]:
    """Give a place for a problem to name: keys that the sender chose are shortened."""
    return [step if isinstance(step, int) else step[:MAX_KEY_SHOWN] for step in loc]
