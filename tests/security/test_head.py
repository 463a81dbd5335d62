"""HEAD and redirects on the routes of both services, as a server sends them."""

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from tests.apps import ADMIN, a_campaign_app, a_profile_app, serving, until_ready
from tests.security.served import connected, served

CAMPAIGN_READS = [
    "/campaigns",
    "/campaigns/none",
    "/segments",
    "/segments/none",
    "/snapshot",
    "/changes",
    "/asyncapi.json",
    "/health/live",
    "/health/ready",
    "/health",
    "/metrics",
    "/openapi.json",
    "/schemas/campaign.json",
    "/docs",
]
PROFILE_READS = [
    "/get_client_config/none",
    "/profiles/none",
    "/health/live",
    "/health/ready",
    "/health",
    "/metrics",
    "/openapi.json",
    "/schemas/campaign.json",
    "/docs",
]
# They say what changes from one moment to the next.
VOLATILE = {"date", "content-length", "x-log-age", "x-published-at", "x-campaigns-age"}


@pytest.mark.parametrize("protocol", ["httptools", "h11"])
@pytest.mark.parametrize(
    ("app", "paths"),
    [(a_campaign_app, CAMPAIGN_READS), (a_profile_app, PROFILE_READS)],
    ids=["campaigns", "profiles"],
)
async def test_head_is_get_without_the_body(
    app: Callable[[], FastAPI], paths: list[str], protocol: str
) -> None:
    """Every read route answers HEAD with the status, headers and length of GET."""
    async with served(app(), protocol=protocol) as port:
        base_url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=base_url, headers=ADMIN) as client:
            if app is a_campaign_app:
                await until_ready(client)
            for path in paths:
                got = await client.get(path)
                # On one connection: a body would be taken for the next answer.
                async with connected(port) as connection:
                    head = f"HEAD {path} HTTP/1.1\r\nHost: a\r\n"
                    head += f"Authorization: {ADMIN['Authorization']}\r\nConnection: close\r\n\r\n"
                    await connection.send(head.encode())
                    status, headers = await connection.head()
                    assert await connection.rest() == b"", path
                assert status == got.status_code, path
                assert set(headers) - {"connection"} == set(got.headers), path
                assert all(
                    headers[name] == value
                    for name, value in got.headers.items()
                    if name not in VOLATILE
                ), path
                assert int(headers["content-length"]) > 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize(
    ("app", "path"),
    [
        (a_campaign_app, "/campaigns/"),
        (a_campaign_app, "/snapshot/"),
        (a_campaign_app, "/health/ready/"),
        (a_profile_app, "/health/"),
        (a_profile_app, "/get_client_config"),
        (a_profile_app, "/profiles/"),
    ],
)
async def test_nothing_redirects(app: Callable[[], FastAPI], path: str, method: str) -> None:
    """A path with a slash too many or too few is not found: no address is made of a header."""
    async with serving(app()) as client:
        answer = await client.request(method, path, headers={**ADMIN, "Host": "evil.example"})
        assert answer.status_code == 404
        assert "location" not in answer.headers
