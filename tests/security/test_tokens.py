"""Who is let in where: ADMIN_TOKEN, READ_TOKEN and CLIENT_TOKEN, and HIDDEN_FIELDS."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import HttpUrl, SecretStr

import devstack.servers
from devstack.servers import listening
from profile_service.cache.origin import OriginUnavailable
from profile_service.main import open_campaign_service
from profile_service.settings import Settings
from testbed.builders import PLAYER_ID, a_profile, a_published_campaign, a_snapshot
from testbed.fakes import FakeOrigin, InMemoryProfiles
from tests.apps import ADMIN, ProfileParts, a_campaign_app, a_profile_app, serving, until_ready

READS = (
    "/campaigns",
    "/campaigns/none",
    "/segments",
    "/segments/none",
    "/snapshot",
    "/changes",
)
# The validation of campaigns stores nothing; one without a body is answered 422.
READING = [*(("GET", path) for path in READS), ("POST", "/campaigns/validate")]
ANSWERED = {200, 404, 422}
OPEN = (
    "/health",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/openapi.json",
    "/schemas/campaign.json",
)
CLIENT = f"/get_client_config/{PLAYER_ID}"
WRITES = [
    ("PUT", "/campaigns/x"),
    ("PATCH", "/campaigns/x"),
    ("DELETE", "/campaigns/x"),
    ("POST", "/campaigns/import"),
    ("PUT", "/segments/x"),
    ("DELETE", "/segments/x"),
    ("POST", "/segments/import"),
    ("POST", "/store/renew"),
]
ADMINS = [
    ("PUT", "/profiles/x"),
    ("GET", "/profiles/x"),
    ("DELETE", "/profiles/x"),
    ("POST", "/profiles/import"),
    ("POST", "/preview"),
    ("POST", "/cache/invalidate"),
    ("GET", "/get_client_config/x/explain"),
    ("POST", "/explain"),
]


def bearer(secret: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {secret}"}


def given() -> ProfileParts:
    """Return a player with a credential, and a campaign that the player is in."""
    return ProfileParts(
        profiles=InMemoryProfiles(a_profile(credential="hunter2", _note="x")),
        origin=FakeOrigin(a_snapshot([a_published_campaign()])),
    )


@asynccontextmanager
async def campaigns(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the campaign service, ready."""
    async with serving(a_campaign_app(**settings)) as client:
        await until_ready(client)
        yield client


@asynccontextmanager
async def profiles(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the profile service, ready."""
    async with serving(a_profile_app(given(), **settings)) as client:
        await until_ready(client)
        yield client


@pytest.mark.parametrize(("method", "path"), READING)
async def test_reads_of_campaigns_are_open_without_a_read_token(method: str, path: str) -> None:
    """Inside the network nobody needs a token to read."""
    async with campaigns() as client:
        assert (await client.request(method, path)).status_code in ANSWERED


@pytest.mark.parametrize(("method", "path"), READING)
async def test_reads_of_campaigns_need_the_read_token_that_is_set(method: str, path: str) -> None:
    """Its own or an admin's; several are valid at once, so that they can be rotated."""
    read_token = SecretStr("old,new")
    async with campaigns(read_token=read_token) as client:
        assert (await client.request(method, path)).status_code == 401
        wrong = await client.request(method, path, headers=bearer("other"))
        assert wrong.status_code == 401
        for headers in (bearer("old"), bearer("new"), ADMIN):
            answer = await client.request(method, path, headers=headers)
            assert answer.status_code in ANSWERED


@pytest.mark.parametrize("path", OPEN)
async def test_health_and_metrics_stay_open(path: str) -> None:
    """Probes and Prometheus carry no token."""
    async with campaigns(read_token=SecretStr("reader")) as client:
        assert (await client.get(path)).status_code == 200
    async with profiles(client_token=SecretStr("client")) as client:
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_reader_writes_no_campaigns(method: str, path: str) -> None:
    """A READ_TOKEN is for reading."""
    async with campaigns(read_token=SecretStr("reader")) as client:
        for headers in ({}, bearer("reader")):
            assert (await client.request(method, path, headers=headers)).status_code == 401


@pytest.mark.parametrize(("method", "path"), ADMINS)
async def test_a_client_or_reader_is_no_admin_of_profiles(method: str, path: str) -> None:
    """What a game's client or a service holds opens nothing else."""
    tokens = {"client_token": SecretStr("client"), "read_token": SecretStr("reader")}
    async with profiles(**tokens) as client:
        for headers in ({}, bearer("client"), bearer("reader")):
            assert (await client.request(method, path, headers=headers)).status_code == 401


async def test_clients_need_the_client_token_that_is_set() -> None:
    """Its own or an admin's, and not what services read campaigns with."""
    tokens = {"client_token": SecretStr("old,app:new"), "read_token": SecretStr("reader")}
    async with profiles(**tokens) as client:
        for headers in ({}, bearer("reader"), bearer("x")):
            answer = await client.get(CLIENT, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "hunter2" not in answer.text
        for headers in (bearer("old"), bearer("new"), ADMIN):
            assert (await client.get(CLIENT, headers=headers)).status_code == 200


async def test_the_profile_service_sends_the_read_token() -> None:
    """It asks with the first of them; without one it gets nothing, and says why."""
    app = a_campaign_app(read_token=SecretStr("new"))
    with listening("127.0.0.1", 0) as listener:
        url = HttpUrl(f"http://127.0.0.1:{listener.getsockname()[1]}")
        async with devstack.servers.serving(app, listener, name="campaigns"):
            with_token = Settings(campaigns_url=url, read_token=SecretStr("sender:new,old"))
            async with open_campaign_service(with_token) as origin:
                assert (await origin.fetch(None)).body is not None
            async with open_campaign_service(Settings(campaigns_url=url)) as origin:
                with pytest.raises(OriginUnavailable, match="status 401"):
                    await origin.fetch(None)


async def test_hidden_fields_are_left_out_of_the_answer_only() -> None:
    """Clients do not see them; the store and admins do, and matching uses them."""
    async with profiles(hidden_fields="credential, country,_note,clan") as client:
        answer = (await client.get(CLIENT)).json()
        stored = (await client.get(f"/profiles/{PLAYER_ID}", headers=ADMIN)).json()
    assert {"credential", "country", "_note"} <= stored.keys()
    assert stored.keys() - answer.keys() == {"credential", "country", "_note"}
    assert answer["active_campaigns"] == ["mycampaign"]


async def test_nothing_is_hidden_unless_it_is_asked_for() -> None:
    """The answer is the profile as it is stored."""
    async with profiles() as client:
        assert (await client.get(CLIENT)).json()["credential"] == "hunter2"


@pytest.mark.parametrize("names", ["credentail", "_id", "player_id", "active_campaigns", "a b"])
def test_a_mistyped_hidden_field_is_found_at_the_start(
    names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that hides nothing would show what it was to hide."""
    monkeypatch.setenv("HIDDEN_FIELDS", f"credential,{names}")
    with pytest.raises(ValueError, match=f"{names} is"):
        Settings()


def test_hidden_fields_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Separated by commas, spaces and empty places ignored."""
    monkeypatch.setenv("HIDDEN_FIELDS", " credential,, _note ,")
    assert Settings().hidden_fields == {"credential", "_note"}


async def test_the_log_says_once_what_is_open(caplog: pytest.LogCaptureFixture) -> None:
    """At the start, where a token is not set; with tokens there is nothing to say."""
    with caplog.at_level(logging.INFO):
        async with campaigns() as client:
            await client.get("/campaigns")
        async with profiles() as client:
            await client.get(CLIENT)
    assert caplog.text.count("READ_TOKEN is not set") == 1
    assert caplog.text.count("CLIENT_TOKEN is not set") == 1
    caplog.clear()
    with caplog.at_level(logging.INFO):
        async with campaigns(read_token=SecretStr("reader")):
            pass
        async with profiles(client_token=SecretStr("client")):
            pass
    assert "is not set" not in caplog.text


async def test_the_log_says_once_that_there_is_no_admin(caplog: pytest.LogCaptureFixture) -> None:
    """At the start, as information, and what that means for the service's own routes."""
    with caplog.at_level(logging.INFO):
        async with campaigns(admin_token=SecretStr("")) as client:
            assert (await client.delete("/campaigns/x")).status_code == 403
        async with profiles(admin_token=SecretStr("")) as client:
            assert (await client.get("/profiles/x")).status_code == 403
    logged = [record for record in caplog.records if "ADMIN_TOKEN" in record.getMessage()]
    assert [(record.levelname, record.getMessage()) for record in logged] == [
        ("INFO", "ADMIN_TOKEN is not set: writes are refused"),
        ("INFO", "ADMIN_TOKEN is not set: profiles cannot be read or written over HTTP"),
    ]


async def test_no_token_is_ever_logged_or_answered(caplog: pytest.LogCaptureFixture) -> None:
    """Neither one that is valid nor one that is tried."""
    tokens = {
        name: SecretStr(f"{name}-s3cret") for name in ("admin_token", "read_token", "client_token")
    }
    texts = []
    with caplog.at_level(logging.DEBUG):
        async with campaigns(**{k: v for k, v in tokens.items() if k != "client_token"}) as client:
            for secret in ("tried-s3cret", "read_token-s3cret"):
                texts += [(await client.get(path, headers=bearer(secret))).text for path in READS]
        async with profiles(**tokens) as client:
            for secret in ("tried-s3cret", "client_token-s3cret"):
                texts.append((await client.get(CLIENT, headers=bearer(secret))).text)
    assert "s3cret" not in caplog.text
    assert "s3cret" not in "".join(texts)
