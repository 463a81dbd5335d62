"""/snapshot, /changes, /store/renew, /health, /asyncapi.json, and what /docs says of all."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from contracts.snapshot import CampaignSnapshot
from contracts.wire import SnapshotEvent, snapshot_etag
from testbed.builders import STORE_ID, a_campaign, a_head
from testbed.fakes import InMemoryLog
from tests.campaign_publisher.api.conftest import Api, StartApi, until
from tests.campaign_publisher.replicas import a_change

GUARDED = (
    "/campaigns",
    "/campaigns/{name}",
    "/segments",
    "/segments/{name}",
    "/snapshot",
    "/changes",
)
CHECKED = "/campaigns/validate"  # a POST that is a read
OPEN = ("/health", "/health/ready", "/health/live", "/metrics", "/asyncapi.json", "/openapi.json")


async def until_status(api: Api, path: str, status: int) -> dict[str, Any]:
    """Ask until the answer has a status; return its body."""
    response = await until(api.client, path, lambda found: found.status_code == status)
    body: dict[str, Any] = response.json()
    return body


async def test_a_snapshot(start_api: StartApi) -> None:
    """It parses as the contract says, and its headers are those of the event."""
    api = await start_api(InMemoryLog(a_change(0), a_change(1, a_campaign("a"))))
    response = await api.client.get("/snapshot")
    assert response.status_code == 200
    snapshot = CampaignSnapshot.model_validate_json(response.content)
    event = SnapshotEvent.from_headers(response.headers)
    assert snapshot.position == event.position
    assert [campaign.name for campaign in snapshot.campaigns] == ["a"]
    assert response.headers["etag"] == snapshot_etag(event.position)


async def test_a_snapshot_is_not_sent_twice(start_api: StartApi) -> None:
    """304 with the same headers while store and revision are the same, 200 after a change."""
    api = await start_api(InMemoryLog(a_change(0)))
    first = await api.client.get("/snapshot")
    held = {"If-None-Match": first.headers["etag"]}
    same = await api.client.get("/snapshot", headers=held)
    assert (same.status_code, same.content) == (304, b"")
    assert (
        SnapshotEvent.from_headers(same.headers).position
        == SnapshotEvent.from_headers(first.headers).position
    )
    await api.put("a")
    assert (await api.client.get("/snapshot", headers=held)).status_code == 200


async def test_no_snapshot_without_the_log(start_api: StartApi) -> None:
    """A replica that has not read the log for five polls confirms nothing, 304 included."""
    api = await start_api(InMemoryLog(a_change(0)))
    held = {"If-None-Match": (await api.client.get("/snapshot")).headers["etag"]}
    api.log.unavailable = True
    api.clock.advance(60)
    response = await api.client.get("/snapshot", headers=held)
    assert response.status_code == 503
    assert response.headers["retry-after"]
    body = await until_status(api, "/health/ready", 503)
    assert body["checks"]["log"]["status"] == "unreadable"
    api.log.unavailable = False
    await until_status(api, "/health/ready", 200)


async def test_every_change_is_published(api: Api) -> None:
    """The start and each write reach the channel with the newest revision."""
    await api.put("a")
    published = {"confirmed_revision": 1, "status": "ok"}.items()
    await until(
        api.client,
        "/health",
        lambda found: published <= found.json()["checks"]["publishing"].items(),
    )
    snapshot = CampaignSnapshot.model_validate_json(api.channel.sent[-1].body)
    assert [campaign.name for campaign in snapshot.campaigns] == ["a"]


async def test_changes(api: Api) -> None:
    """Who did what, oldest first, from any revision on."""
    await api.put("a")
    await api.client.delete("/campaigns/a")
    whole = (await api.client.get("/changes")).json()
    assert [change["op"] for change in whole["changes"]] == ["found", "put", "delete"]
    assert whole["changes"][1]["put"][0]["name"] == "a"
    assert whole["changes"][2]["deleted"] == ["a"]
    assert whole["next"] is None
    assert whole["store_id"] == whole["changes"][0]["store_id"]
    later = (await api.client.get("/changes", params={"since": 1})).json()
    assert later["changes"] == whole["changes"][2:]
    assert (await api.client.get("/changes", params={"since": 99})).json()["changes"] == []


@pytest.mark.parametrize("since", ["-2", "x", "", "1.5", str(2**63)])
async def test_changes_since_nothing(api: Api, since: str) -> None:
    """422 that names the parameter."""
    response = await api.client.get("/changes", params={"since": since})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][-1] == "since"


async def test_the_history_goes_on_over_pages(start_api: StartApi) -> None:
    """A thousand changes a page; `next` leads through all of them."""
    log = InMemoryLog(*(a_change(revision) for revision in range(1500)))
    api = await start_api(log)
    first = (await api.client.get("/changes")).json()
    assert (len(first["changes"]), first["next"]) == (1000, 999)
    second = (await api.client.get("/changes", params={"since": first["next"]})).json()
    assert [change["revision"] for change in second["changes"]] == list(range(1000, 1500))
    assert second["next"] is None


async def test_a_replaced_log_and_its_renewal(start_api: StartApi) -> None:
    """Ready says `log replaced`; what is held is listed, all else is 503, renewing ends it."""
    log = InMemoryLog(a_change(0), a_change(1, a_campaign("a")), a_change(2, a_campaign("b")))
    api = await start_api(log)
    log.changes[2] = a_change(2, a_campaign("c"), id=a_head(90))
    body = await until_status(api, "/health/ready", 503)
    assert body["checks"]["log"]["status"] == "log replaced"
    refused = await api.put("d")
    assert refused.status_code == 503
    assert "renew" in refused.json()["detail"]
    for path in ("/snapshot", "/changes"):
        assert (await api.client.get(path)).status_code == 503
    assert await api.names() == ["a", "b"]
    renewed = await api.client.post("/store/renew")
    assert renewed.status_code == 200
    assert renewed.json()["renewed_from"] == [str(STORE_ID)]
    assert renewed.json()["store_id"] != str(STORE_ID)
    assert (renewed.json()["revision"], renewed.json()["campaigns"]) == (3, 2)
    assert await api.names() == ["a", "c"]
    assert (await api.client.get("/health/ready")).status_code == 200
    snapshot = CampaignSnapshot.model_validate_json((await api.client.get("/snapshot")).content)
    assert str(snapshot.store_id) == renewed.json()["store_id"]
    assert snapshot.renewed_from == (STORE_ID,)
    assert (await api.client.post("/store/renew")).json() == renewed.json()


async def test_a_renewal_by_another_replica_is_followed(start_api: StartApi) -> None:
    """A replica whose log was replaced comes back by itself once anybody renewed it."""
    log = InMemoryLog(a_change(0), a_change(1))
    api = await start_api(log)
    log.changes[1] = a_change(1, id=a_head(90))
    await until_status(api, "/health/ready", 503)
    renewal = a_change(2, previous=a_head(90), store_id=uuid4(), renewed_from=STORE_ID)
    log.changes.append(renewal)
    body = await until_status(api, "/health/ready", 200)
    assert body["checks"]["log"]["store_id"] == str(log.changes[2].store_id)


async def test_health(api: Api) -> None:
    """Live says that the process runs; ready and plain name each check."""
    assert (await api.client.get("/health/live")).json() == {"status": "ok"}
    await until(api.client, "/health", lambda found: found.json()["status"] == "ok")
    ready, plain = [(await api.client.get(path)).json() for path in ("/health/ready", "/health")]
    assert ready["checks"].keys() == plain["checks"].keys() == {"log", "publishing"}
    assert ready["checks"]["log"]["age"] == 0.0
    api.channel.is_up = False
    response = await api.client.get("/health/ready")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["checks"]["publishing"]["status"] == "behind"


async def test_the_bodies_of_health_keep_their_shape(start_api: StartApi) -> None:
    """Dashboards and the runbook name these fields, of a replica that is well and of one ill."""
    api = await start_api(InMemoryLog(a_change(0), a_change(1, a_campaign("a"))))
    log = {
        "status": "ok",
        "store_id": str(STORE_ID),
        "revision": 1,
        "campaigns": 1,
        "segments": 0,
        "age": 0.0,
    }
    publishing = {
        "status": "ok",
        "connected": True,
        "confirmed_revision": 1,
        "failures_in_a_row": 0,
        "snapshots_sent": 1,
        "heartbeats_sent": 0,
    }
    well = {"status": "ok", "checks": {"log": log, "publishing": publishing}}
    await until(api.client, "/health", lambda found: found.json() == well)
    api.log.unavailable = True
    api.channel.is_up = False
    api.clock.advance(60)
    log |= {"status": "unreadable", "age": 60.0, "detail": "the test has switched it off"}
    publishing |= {"status": "behind", "connected": False}
    ill = {"status": "unavailable", "checks": {"log": log, "publishing": publishing}}
    found = await until(api.client, "/health/ready", lambda found: found.json() == ill)
    assert found.status_code == 503


async def test_the_events_are_described(api: Api) -> None:
    """The AsyncAPI document is JSON that names the exchange."""
    response = await api.client.get("/asyncapi.json")
    assert response.status_code == 200
    assert "campaigns.snapshot" in response.text
    assert response.json()["asyncapi"]


async def test_the_metrics_are_open(api: Api) -> None:
    """Prometheus reads what an operator watches: the revision, and what RabbitMQ confirmed."""
    await api.put("a")
    await until(api.client, "/health", lambda found: found.json()["status"] == "ok")
    text = (await api.client.get("/metrics")).text
    for line in (
        "campaign_service_ready 1.0",
        "campaign_service_log_revision 1.0",
        "campaign_service_confirmed_revision 1.0",
        "campaign_service_publish_lag_seconds 0.0",
    ):
        assert line in text


async def test_which_tokens_may_read(start_api: StartApi) -> None:
    """With READ_TOKEN set, campaigns need it or an admin's; health and metrics stay open."""
    api = await start_api(read_tokens="reader")
    await api.put("a")
    await api.put_segment("a", level={"min": 1})
    paths = [path.replace("{name}", "a") for path in GUARDED]
    for token, status in (("reader", 200), ("secret", 200), ("wrong", 401)):
        headers = {"Authorization": f"Bearer {token}"}
        for path in paths:
            assert (await api.client.get(path, headers=headers)).status_code == status
    anonymous = {"Authorization": ""}
    for path in paths:
        assert (await api.client.get(path, headers=anonymous)).status_code == 401
    for path in OPEN:
        assert (await api.client.get(path, headers=anonymous)).status_code == 200
    reader = {"Authorization": "Bearer reader"}
    assert (await api.client.delete("/campaigns/a", headers=reader)).status_code == 401


def references(node: Any) -> Iterator[str]:
    """Yield every $ref in a JSON document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from references(item)


async def test_the_openapi_text_is_usable(api: Api) -> None:
    """Every reference leads somewhere, every route has a summary, and all errors are described."""
    document = (await api.client.get("/openapi.json")).json()
    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    routes = {
        (method.upper(), path): route
        for path, methods in document["paths"].items()
        for method, route in methods.items()
    }
    assert all(route["summary"] for route in routes.values())
    for (method, path), route in routes.items():
        is_write = method != "GET" and path != CHECKED
        is_guarded = is_write or path in (*GUARDED, CHECKED)
        assert ("401" in route["responses"]) is is_guarded, (method, path)
        assert bool(route.get("security")) is is_guarded, (method, path)
        if method in {"PUT", "PATCH"} or path.endswith(("import", "validate")):
            assert route["requestBody"]["required"]
            assert {"408", "413", "422"} <= route["responses"].keys()
        if is_write and path.startswith(("/campaigns", "/segments")):
            headers = {each["name"] for each in route["parameters"] if each["in"] == "header"}
            assert headers == {"if-match", "if-none-match"}
    body = routes["PUT", "/campaigns/{name}"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/Campaign"}
    assert document["components"]["schemas"]["Campaign"]["required"] == ["game", "name"]
    body = routes["PUT", "/segments/{name}"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["required"] == ["matchers"]
    assert document["components"]["schemas"]["Segment"]["required"] == ["name", "matchers"]
    assert (await api.client.get("/docs")).status_code == 200
