"""Reading JSON strictly, and describing what is wrong with it without repeating it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args, get_origin

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

    A value matching no member of a union is reported once, not once per member. At most 100
    problems are named, so that an error is never much larger than its cause. Where there are
    over 2,000, only their number is given: pydantic writes down all of them or none, and that
    takes long.
    """
    if (found_in_all := error.error_count()) > MAX_COUNTED:
        message = f"has {found_in_all} problems, too many to name"
        return [{"loc": [*loc], "msg": message}]
    problems: list[Problem] = []
    unions: dict[tuple[int | str, ...], Problem] = {}
    for found in error.errors(include_url=False, include_input=False):
        place = _place(found, value)
        message = _message(found, model)
        if (of_union := unions.get(place)) is not None:
            of_union["msg"] = _either(of_union["msg"], message)
            continue
        if len(problems) == MAX_PROBLEMS:
            break
        problems.append({"loc": [*loc, *readable(place)], "msg": message})
        if len(place) < len(found["loc"]):
            unions[place] = problems[-1]
    return problems


def _either(message: str, other: str) -> str:
    """Return what a member of a union or another allows; a whole number is a number."""
    is_number = message == f"must be {_WHOLE}" and other == f"must be {_NUMBER}"
    return other if is_number else f"{message}, or: {other}"


def _place(found: ErrorDetails, value: Any) -> tuple[int | str, ...]:
    """Return where in `value` a problem is: pydantic adds the union's member that it tried."""
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
    return message_of(found)


def message_of(found: Mapping[str, Any]) -> str:
    """Return what pydantic found wrong in this project's words; the input is not repeated."""
    if found["type"] == "string_too_short" and found["ctx"]["min_length"] == 1:
        return "must not be empty"
    if found["type"] == "too_long":
        return f"must have at most {found['ctx']['max_length']} entries"
    allowed = _TYPES.get(found["type"])
    if allowed is not None:
        return f"must be {allowed.format(**found.get('ctx', {}))}"
    message: str = _MESSAGES.get(found["type"]) or found["msg"].removeprefix("Value error, ")
    return _SHOULD.sub("must ", message)


_WHOLE = "a whole number"
_NUMBER = "a number"

# What pydantic says of these either names Python's types or repeats a part of the input.
_TYPES = {
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "a JSON object",
    "dict_type": "a JSON object",
    "string_type": "a string",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "a whole number that is not as long",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "uuid_type": "a UUID",
    "uuid_parsing": "a UUID",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
}
_MESSAGES = {"missing": "is required"}
_SHOULD = re.compile(r"^\w+ should (?=(?:be|have|match|end|start) )")


def _fields_at(loc: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """Return the names of the fields of the model at `loc` in `model`."""
    kind: Any = model
    for step in loc:
        kind = _inner(kind, step)
    found = _model_in(kind)
    return [field.alias or name for name, field in found.model_fields.items()]


def _inner(kind: Any, step: int | str) -> Any:
    """Return the type of what stands at a key, an index or a field of a type."""
    origin = get_origin(kind)
    if origin is dict:
        return get_args(kind)[1]
    if origin in {tuple, list}:
        return get_args(kind)[0]
    if origin is None:
        fields = kind.model_fields
        by_alias = (field for field in fields.values() if field.alias == step)
        field = fields.get(str(step)) or next(by_alias)
        return field.annotation
    return _inner(next(each for each in get_args(kind) if each is not type(None)), step)


def _model_in(kind: Any) -> type[BaseModel]:
    """Return the model that a type is, or that its union or list is of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return _model_in(next(each for each in get_args(kind) if each is not type(None)))


def readable(loc: Iterable[int | str]) -> list[int | str]:
    """Return `loc` as a problem shows it: keys that the sender chose are shortened."""
    return [step if isinstance(step, int) else step[:MAX_KEY_SHOWN] for step in loc]
