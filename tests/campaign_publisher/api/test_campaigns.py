"""/campaigns: what operators read and write."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from contracts.campaign import Campaign
from testbed.builders import NOW, STORE_ID, a_campaign, golden
from testbed.fakes import InMemoryLog
from tests.campaign_publisher.api.conftest import Api, StartApi
from tests.campaign_publisher.replicas import a_change

HOUR = timedelta(hours=1)
ODD_NAMES = ("Summer Event", "Fête d'été", "夏祭り 🎄", "50 % off?", "a.b", "import", "#1&2=3")


async def test_the_golden_campaign(api: Api) -> None:
    """It is created as it stands in tests/data, and comes back the same but for last_updated."""
    document = golden("campaign")
    created = await api.client.put("/campaigns/mycampaign", json=document)
    assert created.status_code == 201
    got = await api.client.get("/campaigns/mycampaign")
    assert got.status_code == 200
    assert got.json() == created.json()
    assert got.headers["etag"] == created.headers["etag"]
    sent, stored = Campaign.model_validate(document), Campaign.model_validate_json(got.content)
    assert stored.model_copy(update={"last_updated": None}) == sent.model_copy(
        update={"last_updated": None}
    )
    assert stored.last_updated == NOW
    assert await api.names() == ["mycampaign"]


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_any_name_has_its_path(api: Api, name: str) -> None:
    """Names with spaces, other scripts and whatever means something in a URL can be used."""
    path = f"/campaigns/{httpx_quote(name)}"
    assert (await api.client.put(path, json={"name": name, "game": "g"})).status_code == 201
    assert (await api.client.get(path)).json()["name"] == name
    assert (await api.client.patch(path, json={"priority": 1})).status_code == 200
    assert (await api.client.delete(path)).status_code == 204
    assert (await api.client.get(path)).status_code == 404


def httpx_quote(name: str) -> str:
    """Write a name as one step of a path."""
    return "".join(f"%{byte:02X}" for byte in name.encode())


async def test_a_name_is_one_however_it_is_written(api: Api) -> None:
    """A name in the path and in the body may be composed differently."""
    response = await api.client.put(
        "/campaigns/Fe\u0302te", json={"name": "F\u00eate", "game": "g"}
    )
    assert response.status_code == 201
    assert (await api.client.get("/campaigns/F\u00eate")).status_code == 200


async def test_put_creates_then_replaces(api: Api) -> None:
    """201 and then 200, with a new ETag when something changed and the old one when not."""
    first = await api.put("a")
    same = await api.put("a")
    other = await api.put("a", priority=3)
    assert [each.status_code for each in (first, same, other)] == [201, 200, 200]
    assert first.headers["etag"] == same.headers["etag"] != other.headers["etag"]
    assert first.json() == same.json()
    assert len(api.log.changes) == 3


async def test_put_with_conditions(api: Api) -> None:
    """If-Match and If-None-Match: 412 when they do not hold, and nothing is written."""
    new = {"If-None-Match": "*"}
    body = {"name": "a", "game": "g"}
    created = await api.client.put("/campaigns/a", json=body, headers=new)
    assert created.status_code == 201
    assert (await api.client.put("/campaigns/a", json=body, headers=new)).status_code == 412
    seen = {"If-Match": created.headers["etag"]}
    changed = {**body, "priority": 1}
    assert (await api.client.put("/campaigns/a", json=changed, headers=seen)).status_code == 200
    refused = await api.client.put("/campaigns/a", json=body, headers=seen)
    assert refused.status_code == 412
    assert "If-Match" in refused.json()["detail"]
    assert len(api.log.changes) == 3


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("value", ["", " ", ",", " , "])
async def test_a_condition_that_names_nothing(api: Api, header: str, value: str) -> None:
    """422 for every write: a condition was meant, so nothing is written unconditionally."""
    await api.put("a")
    await api.put("b")
    writes: list[tuple[str, str, Any]] = [
        ("PUT", "/campaigns/a", {"name": "a", "game": "g", "priority": 1}),
        ("PATCH", "/campaigns/a", {"priority": 1}),
        ("DELETE", "/campaigns/a", None),
        ("POST", "/campaigns/import", []),
    ]
    for method, path, body in writes:
        response = await api.client.request(method, path, json=body, headers={header: value})
        assert response.status_code == 422
        [problem] = response.json()["detail"]
        assert problem["loc"] == ["header", header.lower()]
    assert len(api.log.changes) == 3


async def test_conditions_may_come_in_several_lines(api: Api) -> None:
    """A header that is sent twice is one list."""
    etag = (await api.put("a")).headers["etag"]
    headers = [("If-Match", '"other"'), ("If-Match", etag)]
    response = await api.client.patch("/campaigns/a", json={"priority": 1}, headers=headers)
    assert response.status_code == 200


async def test_patch(api: Api) -> None:
    """What is sent replaces, null removes; 404 for what is not there."""
    await api.put("a", priority=2, matchers={"level": {"min": 1, "max": 3}})
    patched = await api.client.patch("/campaigns/a", json={"matchers": {"level": {"max": None}}})
    assert patched.status_code == 200
    assert patched.json()["matchers"] == {"level": {"min": 1}}
    assert patched.json()["priority"] == 2
    assert (await api.client.patch("/campaigns/b", json={})).status_code == 404
    stale = {"If-Match": '"moved"'}
    assert (await api.client.patch("/campaigns/a", json={}, headers=stale)).status_code == 412


async def test_delete(api: Api) -> None:
    """204 without a body, then 404; 412 when it has moved."""
    etag = (await api.put("a")).headers["etag"]
    moved = await api.client.delete("/campaigns/a", headers={"If-Match": '"moved"'})
    assert moved.status_code == 412
    gone = await api.client.delete("/campaigns/a", headers={"If-Match": etag})
    assert (gone.status_code, gone.content) == (204, b"")
    again = await api.client.delete("/campaigns/a")
    assert (again.status_code, again.json()) == (404, {"detail": "Campaign not found"})
    assert await api.names(status="all") == []


async def test_what_was_deleted_and_made_again_is_another(api: Api) -> None:
    """The ETag of a deleted campaign never names a later one of the same name and content."""
    first = (await api.put("a")).headers["etag"]
    await api.client.delete("/campaigns/a")
    assert (await api.put("a")).headers["etag"] != first


async def test_import(api: Api) -> None:
    """The list is all there is afterwards, in one revision; the rest keeps its ETag."""
    await api.put("gone")
    kept = (await api.put("kept")).headers["etag"]
    await api.put("changed")
    before = len(api.log.changes)
    listed = [
        {"name": "kept", "game": "mygame"},
        {"name": "changed", "game": "mygame", "priority": 9},
        {"name": "new", "game": "mygame"},
    ]
    response = await api.client.post("/campaigns/import", json=listed)
    assert response.status_code == 200
    assert response.json() == {
        "revision": before,
        "created": 1,
        "updated": 1,
        "unchanged": 1,
        "deleted": 1,
    }
    assert len(api.log.changes) == before + 1
    assert await api.names() == ["changed", "kept", "new"]
    assert (await api.client.get("/campaigns/kept")).headers["etag"] == kept
    again = await api.client.post("/campaigns/import", json=listed)
    assert (again.json()["revision"], again.json()["unchanged"]) == (before, 3)


async def test_an_import_is_all_or_nothing(api: Api) -> None:
    """One campaign that is wrong, or a condition that does not hold: all stays as it was."""
    await api.put("a")
    good, bad = {"name": "b", "game": "g"}, {"name": "c", "game": "g", "priority": "high"}
    refused = await api.client.post("/campaigns/import", json=[good, bad])
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == [1, "priority"]
    seen = (await api.client.get("/snapshot")).headers["etag"]
    await api.put("d")
    moved = await api.client.post("/campaigns/import", json=[good], headers={"If-Match": seen})
    assert moved.status_code == 412
    assert await api.names() == ["a", "d"]
    seen = (await api.client.get("/snapshot")).headers["etag"]
    fresh = await api.client.post("/campaigns/import", json=[], headers={"If-Match": seen})
    assert fresh.status_code == 200
    assert await api.names(status="all") == []


async def test_list_by_time_and_status(start_api: StartApi) -> None:
    """Active now by default; at another time, in a window, or of another status when asked."""
    campaigns = [
        a_campaign("now", priority=1),
        a_campaign("later", start=NOW + HOUR, priority=2),
        a_campaign("over", end=NOW, priority=3),
        a_campaign("off", enabled=False),
        a_campaign("other game", game="other"),
    ]
    api = await start_api(InMemoryLog(a_change(0), a_change(1, *campaigns)))
    assert await api.names() == ["now", "other game"]
    assert await api.names(game="other") == ["other game"]
    assert await api.names(at="2022-02-01T13:00:00Z") == ["later", "now", "other game"]
    assert await api.names(at="2022-02-01T13:00:00 01:00") == ["now", "other game"]
    assert await api.names(start_date="2022-01-01 00:00:00Z", end_date="2022-02-01T12:00:00Z") == [
        "over",
        "now",
        "other game",
    ]
    assert await api.names(start_date="2022-03-01T00:00:00Z") == ["later", "now", "other game"]
    assert await api.names(status="scheduled") == ["later"]
    assert await api.names(status="ended") == ["over"]
    assert await api.names(status="disabled") == ["off"]
    assert await api.names(status="scheduled", at="2022-02-01T13:00:00Z") == []
    assert len(await api.names(status="all")) == 5


@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ({"at": "soon"}, "at"),
        ({"at": "2022-02-01"}, "at"),
        ({"at": "2022-02-01T12:00:00"}, "at"),
        ({"at": "2022-02-01T12:00:00Z", "start_date": "2022-02-01T12:00:00Z"}, "at"),
        ({"at": "2022-02-01T12:00:00Z", "end_date": "2022-02-01T12:00:00Z"}, "at"),
        ({"start_date": "2022-02-01T12:00:00Z", "end_date": "2022-02-01T12:00:00Z"}, "end_date"),
        ({"start_date": "2022-02-01T12:00:00Z", "status": "ended"}, "status"),
        ({"end_date": "\ud83c\udf84"}, "end_date"),
        ({"status": "unknown"}, "status"),
        ({"game": ""}, "game"),
        ({"game": "x" * 5000}, "game"),
    ],
)
async def test_a_query_that_makes_no_sense(api: Api, query: dict[str, str], loc: str) -> None:
    """422 that names the parameter and does not repeat what was sent."""
    query = {
        key: text.encode("utf-16", "surrogatepass").decode("utf-16") for key, text in query.items()
    }
    response = await api.client.get("/campaigns", params=query)
    assert response.status_code == 422
    [problem] = response.json()["detail"]
    assert problem["loc"][-1] == loc
    assert len(response.content) < 1000


async def test_a_list_is_not_sent_twice(start_api: StartApi) -> None:
    """304 while the answer is the same; time alone changes it, without any new revision."""
    campaign = a_campaign("ends", end=NOW + HOUR)
    api = await start_api(InMemoryLog(a_change(0), a_change(1, campaign)))
    first = await api.client.get("/campaigns")
    held = {"If-None-Match": first.headers["etag"]}
    same = await api.client.get("/campaigns", headers=held)
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == first.headers["etag"]
    api.clock.advance(3600)
    other = await api.client.get("/campaigns", headers=held)
    assert (other.status_code, other.json()) == (200, [])


async def test_a_campaign_is_not_sent_twice(api: Api) -> None:
    """304 for a client that holds it, in any list of ETags; 200 once it has changed."""
    etag = (await api.put("a")).headers["etag"]
    assert etag.startswith(f'"{api.log.changes[0].store_id}-')
    for held in (etag, f'"x", W/{etag}', "*"):
        response = await api.client.get("/campaigns/a", headers={"If-None-Match": held})
        assert response.status_code == 304
    await api.put("a", priority=1)
    response = await api.client.get("/campaigns/a", headers={"If-None-Match": etag})
    assert response.status_code == 200


async def test_changes_of_another_replica_are_read_before_a_write_is_refused(api: Api) -> None:
    """A write right after another replica's is judged on that one, and never 404 or 412 wrongly."""
    revision = api.log.changes[-1].revision
    api.log.changes.append(
        a_change(revision + 1, a_campaign("theirs"), previous=api.log.changes[-1].id)
    )
    store_id = api.log.changes[0].store_id
    seen = {"If-Match": f'"{store_id}-{revision + 1}"'}
    response = await api.client.patch("/campaigns/theirs", json={"priority": 4}, headers=seen)
    assert response.status_code == 200


async def test_writes_carry_their_author(start_api: StartApi) -> None:
    """The change names the token's holder, or `admin`."""
    api = await start_api(tokens="anna:one,two")
    for token in ("one", "two"):
        headers = {"Authorization": f"Bearer {token}"}
        await api.client.put(
            f"/campaigns/{token}", json={"name": token, "game": "g"}, headers=headers
        )
    assert [change.actor for change in api.log.changes[1:]] == ["anna", "admin"]


async def test_without_the_log_reads_go_on_and_writes_say_so(api: Api) -> None:
    """What is held is served; a write is a 503 with Retry-After, and works once the log is back."""
    await api.put("a")
    api.log.unavailable = True
    assert await api.names() == ["a"]
    refused = await api.put("b")
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    assert "nothing was written" in refused.json()["detail"]
    api.log.unavailable = False
    assert (await api.put("b")).status_code == 201


async def test_before_the_log_was_read_everything_waits(start_api: StartApi) -> None:
    """HTTP is served at once: 503 with Retry-After for whatever needs the campaigns."""
    log = InMemoryLog(a_change(0, store_id=STORE_ID))
    log.unavailable = True
    api = await start_api(log, until_loaded=False)
    for path in ("/campaigns", "/campaigns/a", "/snapshot", "/changes"):
        response = await api.client.get(path)
        assert (response.status_code, bool(response.headers["retry-after"])) == (503, True)
    assert (await api.put("a")).status_code == 503
    assert (await api.client.get("/health/live")).status_code == 200


async def test_every_answer_is_json_that_can_be_sent_back(api: Api) -> None:
    """A listed campaign is accepted by PUT and changes nothing."""
    await api.put("a", matchers={"has": {"items": ["x"]}}, start_date="2022-01-25 00:00:00Z")
    listed: list[dict[str, Any]] = orjson.loads((await api.client.get("/campaigns")).content)
    before = len(api.log.changes)
    for campaign in listed:
        response = await api.client.put(f"/campaigns/{campaign['name']}", json=campaign)
        assert response.json() == campaign
    assert len(api.log.changes) == before
