"""/segments: what operators read and write."""

from typing import Any

import pytest

from campaign_publisher.campaigns.limits import MAX_CAMPAIGN_BYTES, MAX_IMPORT_BYTES
from contracts.segment import Segment
from contracts.snapshot import CampaignSnapshot
from testbed.builders import NOW
from tests.campaign_publisher.api.conftest import Api

WHALES: dict[str, Any] = {
    "matchers": {"where": {"total_spent": {"gte": 100}}},
    "description": "Players who spent a lot.",
}


async def test_a_segment_is_created_read_and_replaced(api: Api) -> None:
    """201 with an ETag, then 200; it is the same when it is read, and when it is sent back."""
    created = await api.client.put("/segments/whales", json=WHALES)
    assert created.status_code == 201
    expected = {"name": "whales", **WHALES, "last_updated": "2022-02-01T12:00:00Z"}
    assert created.json() == expected
    assert Segment.model_validate_json(created.content).last_updated == NOW
    got = await api.client.get("/segments/whales")
    assert (got.status_code, got.json()) == (200, expected)
    assert got.headers["etag"] == created.headers["etag"]
    before = len(api.log.changes)
    again = await api.client.put("/segments/whales", json=got.json())
    assert (again.status_code, again.headers["etag"]) == (200, created.headers["etag"])
    assert len(api.log.changes) == before
    changed = await api.client.put("/segments/whales", json={"matchers": {}})
    assert changed.status_code == 200
    assert "description" not in changed.json()
    assert changed.headers["etag"] != created.headers["etag"]


async def test_segments_are_listed_by_name(api: Api) -> None:
    """All of them; 304 for who holds the list."""
    empty = await api.client.get("/segments")
    assert (empty.status_code, empty.json()) == (200, [])
    for name in ("whales", "Newcomers", "import"):
        assert (await api.put_segment(name, level={"min": 1})).status_code == 201
    listed = await api.client.get("/segments")
    assert [each["name"] for each in listed.json()] == ["Newcomers", "import", "whales"]
    held = {"If-None-Match": listed.headers["etag"]}
    assert (await api.client.get("/segments", headers=held)).status_code == 304
    await api.put_segment("whales", level={"min": 2})
    assert (await api.client.get("/segments", headers=held)).status_code == 200


async def test_a_segment_is_not_sent_twice(api: Api) -> None:
    """304 for a client that holds it."""
    etag = (await api.put_segment("whales", level={"min": 1})).headers["etag"]
    held = {"If-None-Match": etag}
    assert (await api.client.get("/segments/whales", headers=held)).status_code == 304
    await api.put_segment("whales", level={"min": 2})
    assert (await api.client.get("/segments/whales", headers=held)).status_code == 200


async def test_conditions(api: Api) -> None:
    """412 when it has moved or is there already, as with campaigns."""
    new = {"If-None-Match": "*"}
    created = await api.client.put("/segments/whales", json=WHALES, headers=new)
    assert created.status_code == 201
    etag = {"If-Match": created.headers["etag"]}
    assert (await api.client.put("/segments/whales", json=WHALES, headers=new)).status_code == 412
    moved = {"If-Match": '"moved"'}
    for method in ("PUT", "DELETE"):
        answer = await api.client.request(method, "/segments/whales", json=WHALES, headers=moved)
        assert answer.status_code == 412
    assert (await api.client.delete("/segments/whales", headers=etag)).status_code == 204


async def test_delete(api: Api) -> None:
    """204 without a body, then 404."""
    await api.put_segment("whales", level={"min": 1})
    gone = await api.client.delete("/segments/whales")
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("GET", "DELETE"):
        answer = await api.client.request(method, "/segments/whales")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Segment not found"})


async def test_the_life_of_a_reference(api: Api) -> None:
    """A campaign needs its segment: 422 before there is one, 409 for its deletion afterwards."""
    matchers = {"segment": {"any": ["whales"]}}
    early = await api.put("offer", matchers=matchers)
    assert early.status_code == 422
    assert early.json()["detail"] == [
        {"loc": ["matchers", "segment", "any", 0], "msg": "there is no segment 'whales'"}
    ]
    imported = await api.client.post(
        "/campaigns/import", json=[{"name": "offer", "game": "g", "matchers": matchers}]
    )
    assert imported.json()["detail"][0]["loc"] == [0, "matchers", "segment", "any", 0]
    await api.put_segment("whales", level={"min": 1})
    assert (await api.put("offer", matchers=matchers, enabled=False)).status_code == 201
    refused = await api.client.delete("/segments/whales")
    assert refused.status_code == 409
    assert refused.json() == {"detail": "segment 'whales' is in use by 1: campaign 'offer'"}
    await api.client.patch("/campaigns/offer", json={"matchers": None})
    assert (await api.client.delete("/segments/whales")).status_code == 204


async def test_a_cycle_is_refused(api: Api) -> None:
    """422 that names the way."""
    await api.put_segment("a", level={"min": 1})
    await api.put_segment("b", segment={"any": ["a"]})
    cycle = await api.put_segment("a", none=[{"segment": {"all": ["b"]}}])
    assert cycle.status_code == 422
    [problem] = cycle.json()["detail"]
    assert problem["loc"] == ["matchers", "none", 0, "segment", "all", 0]
    assert problem["msg"].endswith("a -> b -> a")


async def test_an_import_replaces_all_segments(api: Api) -> None:
    """In one revision or none; campaigns stay, and what they need must be in the list."""
    await api.put_segment("gone", level={"min": 1})
    kept = (await api.put_segment("kept", level={"min": 1})).headers["etag"]
    await api.put("offer", matchers={"segment": {"any": ["kept"]}})
    before = len(api.log.changes)
    listed = [
        {"name": "new", "matchers": {"segment": {"any": ["kept"]}}},
        {"name": "kept", "matchers": {"level": {"min": 1}}},
    ]
    answer = await api.client.post("/segments/import", json=listed)
    assert answer.status_code == 200
    counts = {"created": 1, "updated": 0, "unchanged": 1, "deleted": 1}
    assert answer.json() == {"revision": before, **counts}
    assert len(api.log.changes) == before + 1
    assert (await api.client.get("/segments/kept")).headers["etag"] == kept
    assert await api.names() == ["offer"]
    refused = await api.client.post("/segments/import", json=[{"name": "a", "matchers": {}}])
    assert refused.status_code == 409
    assert refused.json()["detail"] == "segment 'kept' is in use by 1: campaign 'offer'"
    moved = await api.client.post("/segments/import", json=listed, headers={"If-Match": '"x"'})
    assert moved.status_code == 412


async def test_a_store_can_be_moved(api: Api) -> None:
    """What GET /segments and GET /campaigns list is taken by the imports, in this order."""
    await api.client.put("/segments/whales", json=WHALES)
    await api.put_segment("spring", segment={"any": ["whales"]}, rollout={"percent": 25})
    await api.put("offer", matchers={"segment": {"any": ["spring"]}})
    segments = (await api.client.get("/segments")).json()
    campaigns = (await api.client.get("/campaigns", params={"status": "all"})).json()
    for path in ("/campaigns/import", "/segments/import"):
        assert (await api.client.post(path, json=[])).status_code == 200
    for path, listed in (("/segments/import", segments), ("/campaigns/import", campaigns)):
        assert (await api.client.post(path, json=listed)).json()["created"] == len(listed)
    assert (await api.client.get("/segments")).json() == segments


async def test_the_history_and_the_snapshot_have_them(api: Api) -> None:
    """Each write is a change with its actor; the snapshot has all segments before the campaigns."""
    await api.client.put("/segments/whales", json=WHALES)
    await api.put("offer", matchers={"segment": {"any": ["whales"]}})
    snapshot = CampaignSnapshot.model_validate_json((await api.client.get("/snapshot")).content)
    assert [(each.name, each.revision) for each in snapshot.segments] == [("whales", 1)]
    await api.client.post("/campaigns/import", json=[])
    await api.client.delete("/segments/whales")
    await api.client.post("/segments/import", json=[{"name": "a", "matchers": {}}])
    changes = (await api.client.get("/changes")).json()["changes"]
    assert [change["op"] for change in changes] == [
        "found",
        "put_segment",
        "put",
        "import",
        "delete_segment",
        "import_segments",
    ]
    assert {change["actor"] for change in changes[1:]} == {"admin"}
    assert changes[1]["put_segments"] == [
        {"name": "whales", **WHALES, "last_updated": "2022-02-01T12:00:00Z"}
    ]
    assert (changes[1]["put"], changes[1]["deleted"]) == ([], [])
    assert "put_segments" not in changes[2]
    assert changes[4]["deleted_segments"] == ["whales"]


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [("PUT", "/segments/a", MAX_CAMPAIGN_BYTES), ("POST", "/segments/import", MAX_IMPORT_BYTES)],
)
async def test_a_body_over_the_limit(api: Api, method: str, path: str, limit: int) -> None:
    """413 that says which limit."""
    response = await api.client.request(method, path, content=b" " * (limit + 1))
    assert response.status_code == 413
    assert "segment" in response.json()["detail"]
    assert str(limit) in response.json()["detail"]


@pytest.mark.parametrize("name", [".", "..", "a%5Cb", "%20a", "x" * 129, "a%2Fb", "a/b", "%FF"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_name_that_is_none(api: Api, method: str, name: str) -> None:
    """422 that says what a name can be."""
    path = f"/segments/{name.replace('.', '%2E')}"
    response = await api.client.request(method, path, json=WHALES)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["path", "name"]
