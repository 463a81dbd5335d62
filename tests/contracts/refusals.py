"""What a contract says when it refuses a document."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError


def refusal(contract: type[BaseModel], document: Any) -> dict[str, str]:
    """Return the messages of a refusal by the field they name; fail when nothing is refused."""
    with pytest.raises(ValidationError) as refused:
        contract.model_validate(document)
    return {
        ".".join(str(part) for part in error["loc"]): error["msg"]
        for error in refused.value.errors(include_url=False, include_input=False)
    }


def with_value(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy of `document` with `value` at a dotted path, and dicts on the way to it."""
    head, _, rest = path.partition(".")
    if not rest:
        return {**document, head: value}
    inner = document.get(head)
    return {**document, head: with_value(inner if isinstance(inner, dict) else {}, rest, value)}
