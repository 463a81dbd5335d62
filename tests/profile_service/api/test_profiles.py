"""PUT, GET, DELETE /profiles/{player_id} and POST /profiles/import."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import orjson
import pytest

from profile_service.profiles.repository import ProfileDocument, ProfilesUnavailable
from testbed.builders import PLAYER_ID, a_profile, golden
from testbed.fakes import InMemoryProfiles
from tests.apps import ADMIN, ProfileParts, a_profile_app, serving
from tests.simulated_time import SimulatedClock, simulated

MIB = 1024 * 1024
BAD_IDS = (
    "%20a",
    "a%20",
    "a%5Cb",
    "%00",
    "a%0Ab",
    "x" * 129,
    "%E2%80%8B",
    "%FF",
    "%FE",
    "a%2Fb",
    "..%2f",
    "a/b",
    "import/",
    "a/overrides/",
)


def nested(depth: int) -> bytes:
    """Return a profile with a custom field of this depth."""
    return b'{"_deep": ' + b"[" * depth + b"]" * depth + b"}"


async def put(client: httpx.AsyncClient, body: Any, player_id: str = PLAYER_ID) -> httpx.Response:
    """Write a profile as the admin."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return await client.put(f"/profiles/{player_id}", content=content, headers=ADMIN)


async def test_a_profile_is_written_read_and_removed(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """201 when it is new, 200 when it replaces, the stored document each time; then 204 and 404."""
    profile = golden("profile")
    path = f"/profiles/{profile['player_id']}"
    parts.profiles.documents.clear()
    assert (await put(client, profile)).status_code == 201
    written = await put(client, profile)
    assert written.status_code == 200
    expected = {**profile, "active_campaigns": []}
    assert written.json() == expected
    read = await client.get(path, headers=ADMIN)
    assert read.status_code == 200
    assert read.content == orjson.dumps(expected)
    assert read.headers["content-type"] == "application/json"
    removed = await client.delete(path, headers=ADMIN)
    assert (removed.status_code, removed.content) == (204, b"")
    for answer in (
        await client.delete(path, headers=ADMIN),
        await client.get(path, headers=ADMIN),
    ):
        assert answer.status_code == 404
        assert answer.json() == {"detail": "Profile not found"}


async def test_the_path_names_the_player(client: httpx.AsyncClient, parts: ProfileParts) -> None:
    """The body may leave the id out, and may not contradict it; both are normalised."""
    assert (await put(client, {"level": 1}, "Zoe%CC%88")).json()["player_id"] == "Zo\u00eb"
    assert (await put(client, {"player_id": "Zoe\u0308"}, "Zo%C3%AB")).status_code == 200
    refused = await put(client, {"player_id": "other"}, "a")
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["player_id"]
    assert "other" not in parts.profiles.documents


async def test_a_write_is_answered_without_reading_it_back() -> None:
    """201 and 200 are what came of the write, whoever removes or hides the profile meanwhile."""

    class WriteOnly(InMemoryProfiles):
        async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
            raise ProfilesUnavailable(f"{len(player_ids)} cannot be read")

    parts = ProfileParts(profiles=WriteOnly())
    async with serving(a_profile_app(parts)) as client:
        answers = [await put(client, a_profile(level=level)) for level in (1, 2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[1].json() == a_profile(level=2, active_campaigns=[])


AN_OVERRIDE = {
    "campaign": "any",
    "state": "on",
    "until": "2022-02-01T00:00:00Z",
    "actor": "anna",
    "set_at": "2022-01-26T12:00:00Z",
}


@pytest.mark.parametrize(
    ("field", "theirs", "mine", "wrong"),
    [
        ("active_campaigns", ["theirs"], ["mine"], [1]),
        ("lists", ["theirs"], ["mine"], ["a/b"]),
        ("overrides", [AN_OVERRIDE], [{**AN_OVERRIDE, "campaign": "other"}], [{"state": "on"}]),
    ],
)
async def test_some_fields_are_the_service_s_own(
    client: httpx.AsyncClient, parts: ProfileParts, field: str, theirs: Any, mine: Any, wrong: Any
) -> None:
    """What is sent there is checked and ignored; what is stored there is shown, and stays."""
    path = f"/profiles/{PLAYER_ID}"
    etag = (await client.get(path, headers=ADMIN)).headers["etag"]
    parts.profiles.documents[PLAYER_ID][field] = theirs
    read = await client.get(path, headers=ADMIN)
    assert (read.json()[field], read.headers["etag"]) == (theirs, etag)
    answer = await put(client, {**read.json(), field: mine})
    assert (answer.json()[field], answer.headers["etag"]) == (theirs, etag)
    assert (await put(client, a_profile(**{field: wrong}))).status_code == 422
    assert parts.profiles.documents[PLAYER_ID][field] == theirs


async def test_a_new_profile_is_in_no_list(client: httpx.AsyncClient) -> None:
    """What is sent as lists and overrides is stored for nobody, not even as an empty list."""
    sent = a_profile("new", lists=["mine"], overrides=[AN_OVERRIDE])
    answer = await put(client, sent, "new")
    assert answer.json() == a_profile("new", active_campaigns=[])


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (a_profile(inventory={"item_1": -1}), "inventory.item_1"),
        (a_profile(level=-1), "level"),
        (a_profile(level="3"), "level"),
        (a_profile(level=True), "level"),
        (a_profile(foreign=1), "foreign"),
        (a_profile(_id=1), "_id"),
        (a_profile(clan={"foreign": 1}), "clan.foreign"),
        (a_profile(devices=[{}, 7]), "devices.1"),
        (a_profile(created="yesterday"), "created"),
        (a_profile(player_id={"$gt": ""}), "player_id"),
        (a_profile(_custom={"$set": 1}), "_custom.$set"),
        (a_profile(_custom=[{"a.b": 1}]), "_custom.0.a.b"),
        (a_profile(_custom={"a\0b": 1}), "_custom.a\0b"),
        (a_profile(_custom={"": 1}), "_custom."),
        (a_profile(inventory={"a.b": 1}), "inventory.a.b"),
        (a_profile(**{"_a.b": 1}), "_a.b"),
        (a_profile(_custom={"$" * 5000: 1}), "_custom." + "$" * 128),
        (b'{"level": 1e400}', ""),
        (b'{"level": NaN}', ""),
        (b'{"level": Infinity}', ""),
        (b'{"_big": ' + b"9" * 1000 + b"}", ""),
        (b'{"_big": 9223372036854775808}', "_big"),
        (b'{"country": "\\ud800"}', ""),
        (b'{"\\udfff": 1}', ""),
        (b"\xff\xfe", ""),
        (b"", ""),
        (b"null", ""),
        (b"[]", ""),
        (b'{"level": 1', ""),
        (nested(65), "_deep" + ".0" * 64),
        (nested(500), "_deep" + ".0" * 64),
        (nested(10_000), ""),
        (nested(400_000), ""),
    ],
)
async def test_a_body_that_is_wrong_is_refused(
    client: httpx.AsyncClient, parts: ProfileParts, body: Any, named: str
) -> None:
    """422 names the field and what is allowed, never the input; nothing is written."""
    before = dict(parts.profiles.documents)
    answer = await put(client, body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"detail"}
    for problem in answer.json()["detail"]:
        assert set(problem) == {"loc", "msg"}
        assert problem["msg"]
    assert named in {".".join(map(str, each["loc"])) for each in answer.json()["detail"]}
    assert len(answer.content) < 10_000
    assert parts.profiles.documents == before
    assert (await put(client, a_profile())).status_code == 200


async def test_no_refusal_shows_a_credential(client: httpx.AsyncClient) -> None:
    """Errors are logged and shown around; what was sent is not theirs to tell."""
    answer = await put(
        client, a_profile(credential=["the secret"], _x={"the secret.": 1}, level=-1)
    )
    assert answer.status_code == 422
    assert "the secret" not in answer.text


@pytest.mark.parametrize("with_length", [True, False])
async def test_a_body_over_the_limit_is_refused(
    client: httpx.AsyncClient, *, with_length: bool
) -> None:
    """413 names the limit, whether the length was announced or not."""
    body = orjson.dumps(a_profile(_note="x" * 2 * MIB))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    answer = await client.put(
        f"/profiles/{PLAYER_ID}", content=body if with_length else pieces(), headers=ADMIN
    )
    assert answer.status_code == 413
    assert "1048576" in answer.json()["detail"]


async def test_conditions_on_a_profile(client: httpx.AsyncClient) -> None:
    """PUT and DELETE honour If-Match and If-None-Match, by the ETag of GET and PUT."""
    path = f"/profiles/{PLAYER_ID}"
    etag = (await client.get(path, headers=ADMIN)).headers["etag"]
    body = orjson.dumps(a_profile(level=7))
    refused = await client.put(path, content=body, headers={**ADMIN, "If-None-Match": "*"})
    assert refused.status_code == 412
    assert "If-None-Match" in refused.json()["detail"]
    written = await client.put(path, content=body, headers={**ADMIN, "If-Match": etag})
    assert written.status_code == 200
    assert written.headers["etag"] == (await client.get(path, headers=ADMIN)).headers["etag"]
    stale = await client.delete(path, headers={**ADMIN, "If-Match": f'"other", {etag}'})
    assert stale.status_code == 412
    removed = await client.delete(
        path, headers={**ADMIN, "If-Match": f'"other", {written.headers["etag"]}'}
    )
    assert removed.status_code == 204
    created = await client.put(path, content=body, headers={**ADMIN, "If-None-Match": "*"})
    assert created.status_code == 201


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_condition_that_names_no_etag(client: httpx.AsyncClient, method: str) -> None:
    """422: its sender meant a condition."""
    answer = await client.request(
        method, f"/profiles/{PLAYER_ID}", headers={**ADMIN, "If-None-Match": ","}, content=b"{}"
    )
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "if-none-match"]


@pytest.mark.parametrize("player_id", BAD_IDS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_id_that_cannot_be_one(
    client: httpx.AsyncClient, method: str, player_id: str
) -> None:
    """422 says what can."""
    answer = await client.request(method, f"/profiles/{player_id}", headers=ADMIN, content=b"{}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["path", "player_id"]
    assert "printable" in answer.json()["detail"][0]["msg"]


async def test_bytes_that_are_no_text_are_nobody(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """Two ids that no UTF-8 has are not one player's: neither is written, and the rule is named."""
    before = dict(parts.profiles.documents)
    for player_id in ("%FF", "%FE"):
        answer = await put(client, {}, player_id)
        assert answer.status_code == 422
        assert "U+FFFD" in answer.json()["detail"][0]["msg"]
    assert parts.profiles.documents == before


REQUESTS = (
    ("PUT", f"/profiles/{PLAYER_ID}"),
    ("GET", f"/profiles/{PLAYER_ID}"),
    ("DELETE", f"/profiles/{PLAYER_ID}"),
    ("PUT", "/profiles/%20"),
    ("POST", "/profiles/import"),
    ("PUT", f"/profiles/{PLAYER_ID}/overrides/any"),
    ("DELETE", f"/profiles/{PLAYER_ID}/overrides/any"),
    ("GET", f"/profiles/{PLAYER_ID}/overrides"),
    ("POST", "/profiles/lists/vip"),
    ("GET", "/profiles/lists/vip"),
    ("DELETE", "/profiles/lists/vip"),
    ("POST", "/cache/invalidate"),
    ("POST", "/cache/invalidate?accept_store=mine"),
)


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic admin-token", "admin-token"],
)
async def test_without_the_token_nothing_is_done(
    client: httpx.AsyncClient,
    parts: ProfileParts,
    method: str,
    path: str,
    authorization: str | None,
) -> None:
    """401, whatever else is wrong with the request; the token is not repeated."""
    before = dict(parts.profiles.documents)
    headers = {} if authorization is None else {"authorization": authorization}
    answer = await client.request(method, path, headers=headers, content=b'{"player_id": "x"}')
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "wrong" not in answer.text
    assert parts.profiles.documents == before


@pytest.mark.parametrize(("method", "path"), REQUESTS)
async def test_without_any_token_writes_are_switched_off(
    parts: ProfileParts, method: str, path: str
) -> None:
    """403 says how to enable them."""
    async with serving(a_profile_app(parts, admin_token="")) as client:
        answer = await client.request(method, path, headers=ADMIN, content=b"{}")
    assert answer.status_code == 403
    assert "ADMIN_TOKEN" in answer.json()["detail"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_profiles_that_are_away(
    client: httpx.AsyncClient, parts: ProfileParts, method: str
) -> None:
    """503 with Retry-After, and no word of what went wrong inside."""
    parts.profiles.unavailable = True
    answer = await client.request(method, f"/profiles/{PLAYER_ID}", headers=ADMIN, content=b"{}")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "switched it off" not in answer.text


async def test_an_id_that_another_document_holds(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """409, and no Retry-After: somebody has to look at what is stored."""
    parts.profiles.taken = {PLAYER_ID}
    answer = await put(client, a_profile())
    assert answer.status_code == 409
    assert "another document holds this player_id" in answer.json()["detail"]
    assert "retry-after" not in answer.headers


async def test_an_import_names_its_broken_line(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """The good ones are in, the bad one is named by its line."""
    body = b'{"player_id": "a"}\n{"player_id": "b", \n{"player_id": "c"}\n{"player_id": "a"}'
    answer = await client.post("/profiles/import", content=body, headers=ADMIN)
    assert answer.status_code == 200
    report = answer.json()
    errors = report.pop("errors")
    assert report == {"received": 4, "created": 2, "replaced": 1, "failed": 1}
    assert [error["line"] for error in errors] == [2]
    assert {"a", "c"} <= set(parts.profiles.documents)


@simulated
async def test_an_import_whose_body_stops_coming() -> None:
    """408 after 30 s, with the counts: what is counted is written, and nothing else."""
    parts = ProfileParts(clock=SimulatedClock())

    async def stopping() -> AsyncIterator[bytes]:
        yield b"{}\n" + b"".join(b'{"player_id": "%d"}\n' % number for number in range(501))
        await asyncio.sleep(3600)

    async with serving(a_profile_app(parts)) as client:
        async with asyncio.timeout(31):
            answer = await client.post("/profiles/import", content=stopping(), headers=ADMIN)
        assert answer.status_code == 408
        assert answer.json()["detail"] == "the body stopped coming"
        assert (answer.json()["created"], answer.json()["failed"]) == (501, 1)
        assert len(parts.profiles.documents) == 501


async def test_an_import_that_breaks_off_answers_how_far_it_came(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """503 with Retry-After and the counts."""
    parts.profiles.unavailable = True
    answer = await client.post(
        "/profiles/import", content=b'{"player_id": "a"}\n{}\n', headers=ADMIN
    )
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert answer.json()["detail"] == "profiles cannot be written now"
    assert (answer.json()["created"], answer.json()["failed"]) == (0, 1)
