"""Answers and bodies: how all routes build and document them."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from campaign_publisher.service import Found
from foundation.etags import is_unchanged

JSON = "application/json"


def json_answer(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer of finished JSON, which is not validated again."""
    return Response(body, status, headers, JSON)


def cached_answer(
    request: Request, body: bytes, etag: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the body, or a 304 if the client holds it already."""
    headers = {"ETag": etag, **(headers or {})}
    if is_unchanged(request.scope["headers"], etag):
        return Response(status_code=304, headers=headers)
    return json_answer(body, headers=headers)


def written_answer(found: Found) -> Response:
    """Return what was written, with its ETag: 201 if that created it."""
    status = 201 if found.created else 200
    return json_answer(found.json, status=status, headers={"ETag": found.etag})


def body_of(schema: type[BaseModel] | dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI text of a body that the route reads by itself."""
    described = schema if isinstance(schema, dict) else schema_of(schema)
    return {"requestBody": {"required": True, "content": {JSON: {"schema": described}}}}


def list_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a list of a model."""
    return {"type": "array", "items": schema_of(model)}


def answer_of(schema: dict[str, Any], description: str) -> dict[str, Any]:
    """Return the OpenAPI text of an answer that no single model describes."""
    return {"description": description, "content": {JSON: {"schema": schema}}}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    # The components that models refer to are made by FastAPI for response models.
    return {"$ref": f"#/components/schemas/{model.__name__}"}
