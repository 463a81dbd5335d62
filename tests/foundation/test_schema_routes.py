"""The JSON Schemas as both services serve them."""

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from contracts.schemas import SchemaName, schema_of, schema_text
from tests.apps import a_campaign_app, a_profile_app


@pytest.mark.parametrize("app", [a_campaign_app, a_profile_app])
async def test_both_services_serve_all_of_them(app: Callable[[], FastAPI]) -> None:
    """Without a token and before anything is loaded; unchanged ones are not sent again."""
    transport = httpx.ASGITransport(app())
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        for name in SchemaName:
            answer = await client.get(f"/schemas/{name}.json")
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/json"
            assert answer.json() == schema_of(name)
            assert answer.text == schema_text(name)
            etag = {"If-None-Match": answer.headers["etag"]}
            again = await client.get(f"/schemas/{name}.json", headers=etag)
            assert (again.status_code, again.content) == (304, b"")
        assert (await client.get("/schemas/none.json")).status_code == 404
