"""GET /schemas/{name}.json: the JSON Schemas that editors are given; both services have them."""

from fastapi import APIRouter, Request, Response

from contracts.schemas import SchemaName, schema_text
from foundation.error_answers import UNCHANGED
from foundation.etags import etag_of, is_unchanged

JSON = "application/json"

router = APIRouter(tags=["schemas"])


def _add_route(name: SchemaName) -> None:
    @router.get(
        f"/schemas/{name}.json",
        name=f"get_{name}_schema",
        summary=f"Get the JSON Schema of a {name}",
        description=f"The JSON Schema (draft 2020-12) of a {name} as it is written. An editor that "
        "is given it completes keys, and marks those that are not known.",
        responses={200: {"content": {JSON: {"schema": {"type": "object"}}}}, **UNCHANGED},
    )
    async def get_schema(request: Request) -> Response:
        body = schema_text(name).encode()
        headers = {"ETag": etag_of(body)}
        if is_unchanged(request.scope["headers"], headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=JSON)


for _name in SchemaName:
    _add_route(_name)
