"""What is refused, with which status, and what the answer says and does not say."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from campaign_publisher.campaigns.limits import MAX_CAMPAIGN_BYTES, MAX_IMPORT_BYTES
from tests.campaign_publisher.api.conftest import Api, StartApi

WRITES = [
    ("PUT", "/campaigns/a"),
    ("PATCH", "/campaigns/a"),
    ("DELETE", "/campaigns/a"),
    ("POST", "/campaigns/import"),
    ("PUT", "/segments/a"),
    ("DELETE", "/segments/a"),
    ("POST", "/segments/import"),
    ("POST", "/store/renew"),
]
GOOD = {"name": "a", "game": "g"}


async def is_as_before(api: Api) -> bool:
    """Check that nothing was written, and that the service goes on."""
    nothing_new = len(api.log.changes) == 1
    return nothing_new and (await api.put("a")).status_code == 201


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("header", ["", "Bearer wrong", "Bearer ", "Basic secret", "secret"])
async def test_without_a_valid_token(api: Api, method: str, path: str, header: str) -> None:
    """401 that says what is needed; a token is judged before anything else that was sent."""
    headers = {"Authorization": header}
    response = await api.client.request(method, path, headers=headers, content=b"{")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "wrong" not in response.text
    assert await is_as_before(api)


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_where_no_token_is_configured(start_api: StartApi, method: str, path: str) -> None:
    """403 that says how to switch writes on, whatever token comes."""
    api = await start_api(tokens="")
    for headers in ({}, {"Authorization": "Bearer anything"}):
        response = await api.client.request(method, path, headers=headers)
        assert response.status_code == 403
        assert "ADMIN_TOKEN" in response.json()["detail"]
    assert (await api.client.get("/campaigns")).status_code == 200


BAD_CAMPAIGNS: dict[str, tuple[dict[str, Any], list[str | int]]] = {
    "min over max": ({"matchers": {"level": {"min": 3, "max": 1}}}, ["matchers", "level"]),
    "no bound": ({"matchers": {"level": {}}}, ["matchers", "level"]),
    "empty list": ({"matchers": {"has": {"items": []}}}, ["matchers", "has", "items"]),
    "start after end": (
        {"start_date": "2022-02-25T00:00:00Z", "end_date": "2022-01-25T00:00:00Z"},
        ["end_date"],
    ),
    "no calendar's date": ({"start_date": "2022-02-30T00:00:00Z"}, ["start_date"]),
    "unknown key": ({"nonsense": 1}, ["nonsense"]),
    "unknown matcher": ({"matchers": {"clan": 1}}, ["matchers", "clan"]),
    "text for a number": ({"priority": "10"}, ["priority"]),
    "number for a bool": ({"enabled": 1}, ["enabled"]),
    "other name": ({"name": "b"}, ["name"]),
    "empty name": ({"name": ""}, ["name"]),
    "empty game": ({"game": ""}, ["game"]),
    "slash in a name": ({"name": "a/b"}, ["name"]),
    "operator": ({"game": {"$gt": ""}}, ["game"]),
}


@pytest.mark.parametrize(("fields", "loc"), BAD_CAMPAIGNS.values(), ids=BAD_CAMPAIGNS.keys())
async def test_a_campaign_that_is_wrong(
    api: Api, fields: dict[str, Any], loc: list[str | int]
) -> None:
    """422 that names the field, alone and in an import; nothing is written."""
    wrong = {**GOOD, **fields}
    alone = await api.client.put("/campaigns/a", json=wrong)
    assert alone.status_code == 422
    assert [problem["loc"] for problem in alone.json()["detail"]] == [loc]
    assert all(problem["msg"] for problem in alone.json()["detail"])
    if fields != {"name": "b"}:
        imported = await api.client.post("/campaigns/import", json=[wrong])
        assert imported.status_code == 422
        assert [problem["loc"] for problem in imported.json()["detail"]] == [[0, *loc]]
    assert await is_as_before(api)


async def test_an_import_that_is_nested_too_deeply(api: Api) -> None:
    """What can be read and not be written again is refused, naming the campaign."""
    body = b'[{"name": "a", "game": "g", "payload": %b}]' % (b"[" * 300 + b"]" * 300)
    response = await api.client.post("/campaigns/import", content=body)
    assert response.status_code == 422
    assert response.json()["detail"] == [{"loc": [0], "msg": "is nested too deeply"}]


BAD_BODIES = {
    "nothing": b"",
    "half": b'{"name": "a", "game"',
    "NaN": b'{"name": "a", "game": "g", "priority": NaN}',
    "Infinity": b'{"name": "a", "game": "g", "priority": -Infinity}',
    "1e400": b'{"name": "a", "game": "g", "priority": 1e400}',
    "a thousand digits": b'{"name": "a", "game": "g", "matchers": {"level": {"min": %b}}}'
    % (b"9" * 1000),
    "lone surrogate": b'{"name": "a", "game": "\\ud800"}',
    "no UTF-8": b'{"name": "a", "game": "\xff"}',
    "depth": b'{"matchers":' * 10_000,
    "balanced depth": b"[" * 10_000 + b"]" * 10_000,
    "array": b"[]",
    "null": b"null",
    "HTML": b"<html>credential-4711</html>",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_body_that_is_none(api: Api, body: bytes) -> None:
    """422, never a 500, and the answer repeats nothing of it."""
    requests = [("PUT", "/campaigns/a"), ("PATCH", "/campaigns/a"), ("PUT", "/segments/a")]
    if body != b"[]":
        requests += [("POST", "/campaigns/import"), ("POST", "/segments/import")]
    for method, path in requests:
        response = await api.client.request(method, path, content=body)
        assert response.status_code == 422, (method, response.text)
        assert isinstance(response.json()["detail"], list)
        assert len(response.content) < 1000
        assert "4711" not in response.text
    assert await is_as_before(api)


NO_NAMES = [".", "..", "a%5Cb", "%20a", "a%0A", "x" * 129, "%00", "%7F", "%FF", "%ED%A0%80"]
SLASHES = ["a%2Fb", "a/b", "a/", "..%2f", "a%0A%2Fb"]


@pytest.mark.parametrize("name", [*NO_NAMES, *SLASHES])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_a_name_that_is_none(api: Api, method: str, name: str) -> None:
    """422 that says what a name can be."""
    path = f"/campaigns/{name.replace('.', '%2E')}"
    response = await api.client.request(method, path, json=GOOD)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["path", "name"]


async def in_chunks(size: int) -> AsyncIterator[bytes]:
    """Yield `size` bytes without an announced length."""
    for _ in range(0, size, 65536):
        yield b" " * 65536


@pytest.mark.parametrize(
    ("method", "path", "limit", "what"),
    [
        ("PUT", "/campaigns/a", MAX_CAMPAIGN_BYTES, "a campaign"),
        ("PATCH", "/campaigns/a", MAX_CAMPAIGN_BYTES, "a patch"),
        ("POST", "/campaigns/import", MAX_IMPORT_BYTES, "an import"),
    ],
)
async def test_a_body_over_the_limit(
    api: Api, method: str, path: str, limit: int, what: str
) -> None:
    """413 that says which limit, with a length and without one."""
    announced = await api.client.request(method, path, content=b" " * (limit + 1))
    unannounced = await api.client.request(method, path, content=in_chunks(2 * limit))
    for response in (announced, unannounced):
        assert response.status_code == 413
        assert what in response.json()["detail"]
        assert str(limit) in response.json()["detail"]
    assert await is_as_before(api)


async def test_a_campaign_over_the_limit_in_an_import(api: Api) -> None:
    """413 that names its place: an import lets in none that could not be sent alone."""
    items = [f"{number:0250}" for number in range(MAX_CAMPAIGN_BYTES // 250)]
    large = {"name": "large", "game": "g", "matchers": {"has": {"items": items}}}
    response = await api.client.post("/campaigns/import", json=[GOOD, large])
    assert response.status_code == 413
    assert response.json()["detail"].startswith("campaign 1 must not be over")
    assert await is_as_before(api)


async def test_what_there_is_no_route_for(api: Api) -> None:
    """404 and 405 are JSON, too."""
    for method, path, status in (("GET", "/nothing", 404), ("POST", "/campaigns/a", 405)):
        response = await api.client.request(method, path)
        assert (response.status_code, list(response.json())) == (status, ["detail"])
