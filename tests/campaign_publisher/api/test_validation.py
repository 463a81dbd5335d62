"""POST /campaigns/validate: what is found in campaigns before they are written."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from campaign_publisher.campaigns.limits import MAX_CAMPAIGN_BYTES, MAX_IMPORT_BYTES
from campaign_publisher.main import MAX_VALIDATIONS
from testbed.builders import a_campaign, golden
from testbed.fakes import InMemoryLog
from tests.campaign_publisher.api.conftest import Api, StartApi
from tests.campaign_publisher.replicas import a_change

GOOD = {"name": "a", "game": "g", "matchers": {"level": {"min": 1}}}


async def validated(api: Api, body: Any) -> Any:
    """Return the answer about a body."""
    response = await api.client.post("/campaigns/validate", content=orjson.dumps(body))
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_good_campaign(api: Api) -> None:
    """It is valid, nothing is found, and nothing is stored."""
    for body, count in ((GOOD, 1), ([GOOD, {**GOOD, "name": "b"}], 2), ([], 0)):
        assert await validated(api, body) == {
            "valid": True,
            "campaigns": count,
            "errors": 0,
            "warnings": 0,
            "results": [],
        }
    assert await api.names(status="all") == []
    assert len(api.log.changes) == 1


async def test_errors_and_warnings_name_their_places(api: Api) -> None:
    """Each campaign of a list by its index and its name."""
    wrong = {"name": "b", "priority": "high"}
    odd = {**GOOD, "name": "c", "matchers": {}, "last_updated": "never"}
    assert await validated(api, [GOOD, wrong, odd, 5]) == {
        "valid": False,
        "campaigns": 4,
        "errors": 3,
        "warnings": 1,
        "results": [
            {
                "index": 1,
                "name": "b",
                "errors": [
                    {"loc": ["game"], "msg": "is required"},
                    {"loc": ["priority"], "msg": "must be a number"},
                ],
                "warnings": [],
            },
            {
                "index": 2,
                "name": "c",
                "errors": [],
                "warnings": [
                    {
                        "loc": ["matchers"],
                        "msg": "match every player",
                        "code": "matches_everyone",
                    }
                ],
            },
            {
                "index": 3,
                "name": None,
                "errors": [{"loc": [], "msg": "must be a JSON object"}],
                "warnings": [],
            },
        ],
    }


async def test_warnings_do_not_make_a_campaign_invalid(api: Api) -> None:
    """They are counted and named, and the campaign stays valid."""
    found = await validated(api, {**GOOD, "matchers": {}})
    assert (found["valid"], found["warnings"]) == (True, 1)


@pytest.mark.parametrize("wrong", golden("wrong_campaigns")[::10], ids=lambda wrong: wrong["title"])
async def test_it_finds_what_a_put_refuses(api: Api, wrong: dict[str, Any]) -> None:
    """With the same messages."""
    [result] = (await validated(api, wrong["campaign"]))["results"]
    assert result["errors"] == wrong["problems"]


async def test_a_name_that_is_there_twice(api: Api) -> None:
    """The second one is an error, as in an import."""
    [result] = (await validated(api, [GOOD, GOOD]))["results"]
    assert result["index"] == 1
    assert result["errors"] == [
        {"loc": ["name"], "msg": "is the name of an earlier campaign in the list"}
    ]


async def test_stored_campaigns_stand_beside_them(start_api: StartApi) -> None:
    """Names and groups are compared with theirs; one of the same name is replaced."""
    api = await start_api(InMemoryLog(a_change(0), a_change(1, a_campaign("Spring Sale"))))
    everyone = {"name": "All", "game": "mygame", "group": "offers", "priority": 5}
    assert (await api.client.put("/campaigns/All", json=everyone)).status_code == 201
    body = [
        {**GOOD, "name": "spring-sale"},
        {**GOOD, "name": "One", "game": "mygame", "group": "offers"},
    ]
    found = await validated(api, body)
    assert [
        (result["index"], [warning["code"] for warning in result["warnings"]])
        for result in found["results"]
    ] == [(0, ["similar_name"]), (1, ["shadowed"])]
    replaced = await validated(api, [{**everyone, "matchers": GOOD["matchers"]}, body[1]])
    assert replaced["warnings"] == 0


async def test_unknown_segments_are_errors(api: Api) -> None:
    """A campaign that refers to one would be nobody's."""
    body = {**GOOD, "matchers": {"segment": {"all": ["whales"]}}}
    [result] = (await validated(api, body))["results"]
    assert result["errors"] == [
        {"loc": ["matchers", "segment", "all", 0], "msg": "there is no segment 'whales'"}
    ]


@pytest.mark.parametrize("body", [b"5", b"null", b'"a"', b"", b"{", b"[" * 2000 + b"]" * 2000])
async def test_what_is_neither_a_campaign_nor_a_list(api: Api, body: bytes) -> None:
    """422 that says what is wanted."""
    response = await api.client.post("/campaigns/validate", content=body)
    assert response.status_code == 422
    [problem] = response.json()["detail"]
    assert problem["msg"].startswith(("must be a campaign or", "is not valid JSON"))


async def test_limits(api: Api) -> None:
    """413 for a body that no import may be, 422 for too many, an error for a large campaign."""
    response = await api.client.post("/campaigns/validate", content=b" " * (MAX_IMPORT_BYTES + 1))
    assert response.status_code == 413
    response = await api.client.post("/campaigns/validate", json=[1] * 100_001)
    assert response.json()["detail"] == [{"loc": [], "msg": "must have at most 100,000 campaigns"}]
    large = {**GOOD, "payload": "x" * MAX_CAMPAIGN_BYTES}
    body = b'[%b, {"a": %b}]' % (orjson.dumps(large), b"[" * 500 + b"]" * 500)
    response = await api.client.post("/campaigns/validate", content=body)
    assert [result["errors"] for result in response.json()["results"]] == [
        [{"loc": [], "msg": "must not be over 1048576 bytes"}],
        [{"loc": [], "msg": "is nested too deeply"}],
    ]


async def test_of_very_many_findings_100_are_named_and_all_counted(api: Api) -> None:
    """The answer stays small, whatever comes."""
    wrong = [{**GOOD, "name": f"{number}", "x": 1, "y": 1} for number in range(1000)]
    odd = [{**GOOD, "name": f"odd {number}", "matchers": {}} for number in range(1000)]
    found = await validated(api, wrong + odd)
    assert (found["errors"], found["warnings"]) == (2000, 1000)
    assert sum(len(result["errors"]) for result in found["results"]) == 100
    assert sum(len(result["warnings"]) for result in found["results"]) == 100
    assert [result["index"] for result in found["results"]] == [*range(50), *range(1000, 1100)]


async def test_the_service_goes_on_meanwhile(api: Api) -> None:
    """Tens of thousands of campaigns are checked in slices: other requests are answered."""
    body = orjson.dumps([{**GOOD, "name": f"{number}"} for number in range(20_000)])
    checking = asyncio.create_task(api.client.post("/campaigns/validate", content=body))
    await asyncio.sleep(0)
    answered = 0
    while not checking.done():
        await asyncio.sleep(0)
        assert (await api.client.get("/health/live")).status_code == 200
        answered += 1
    assert checking.result().json()["campaigns"] == 20_000
    assert answered > 50


async def test_no_more_than_two_at_a_time(api: Api) -> None:
    """A third is told to come back; the others are answered."""
    body = orjson.dumps([{**GOOD, "name": f"{number}"} for number in range(3000)])
    answers = await asyncio.gather(
        *(api.client.post("/campaigns/validate", content=body) for _ in range(MAX_VALIDATIONS + 1))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert "2 validations" in refused.json()["detail"]
    assert "retry-after" in refused.headers
    assert (await validated(api, GOOD))["valid"]


async def test_who_may_ask(start_api: StartApi) -> None:
    """Whoever may read campaigns, with or without a configured admin token."""
    api = await start_api(tokens="", read_tokens="reader", until_loaded=False)

    async def status(headers: dict[str, str]) -> int:
        answer: httpx.Response = await api.client.post(
            "/campaigns/validate", json=GOOD, headers=headers
        )
        return answer.status_code

    assert await status({}) == 401
    assert await status({"Authorization": "Bearer wrong"}) == 401
    assert await status({"Authorization": "Bearer reader"}) in {200, 503}
