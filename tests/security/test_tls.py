"""TLS to RabbitMQ, by the options of its URL: as docs/security.md shows it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testbed import servers
from testbed.builders import a_published_campaign, a_snapshot
from tests.conftest import required
from tests.integration.messaging import consuming, eventually, publish, publishing
from tests.security.certificates import Authority

_LISTENS = """
listeners.ssl.default = 127.0.0.1:{port}
ssl_options.cacertfile = {authority}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_options.versions.1 = tlsv1.2
"""


class TlsRabbit:
    """A RabbitMQ that asks its clients for certificates, and a client that has one."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.stranger = Authority(_made(folder / "stranger"))
        self.client = self.authority.sign("client")
        self.port = servers.free_port()
        server = self.authority.sign("server")
        self.config = _LISTENS.format(
            port=self.port,
            authority=self.authority.certificate,
            certificate=server.certificate,
            key=server.key,
        )

    def url(
        self, authority: Path | None, *, certificate: bool = True, host: str = "localhost"
    ) -> str:
        """Return a URL with the options of aio-pika."""
        options = [] if authority is None else [f"cafile={authority}"]
        if certificate:
            options += [f"certfile={self.client.certificate}", f"keyfile={self.client.key}"]
        return f"amqps://guest:guest@{host}:{self.port}/?{'&'.join(options)}"


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsRabbit]:
    """A private node: no RabbitMQ that is given has certificates of ours."""
    with required("RabbitMQ", _running(tmp_path_factory.mktemp("certificates"))) as rabbit:
        yield rabbit


@contextmanager
def _running(folder: Path) -> Iterator[TlsRabbit]:
    rabbit = TlsRabbit(folder)
    with servers.RabbitNode(servers.rabbitmq_server(), config=rabbit.config):
        yield rabbit


async def test_snapshots_travel_over_tls(rabbit: TlsRabbit) -> None:
    """Publisher and consumer connect with an authority and a certificate named in the URL."""
    url = rabbit.url(rabbit.authority.certificate)
    async with consuming(url) as recorder, publishing(url) as channel:
        await eventually(lambda: recorder.connects and recorder.revision == 0)
        await publish(channel, a_snapshot([a_published_campaign()], revision=1))
        await eventually(lambda: recorder.revision == 1)


@pytest.mark.parametrize("known", [False, True], ids=["no authority", "another authority"])
async def test_a_server_of_an_unknown_authority_is_not_talked_to(
    rabbit: TlsRabbit, caplog: pytest.LogCaptureFixture, *, known: bool
) -> None:
    """No password is sent to a server whose certificate cannot be checked."""
    url = rabbit.url(rabbit.stranger.certificate if known else None)
    assert "certificate verify failed" in await _refusal(url, caplog)


async def test_a_server_of_another_name_is_not_talked_to(
    rabbit: TlsRabbit, caplog: pytest.LogCaptureFixture
) -> None:
    """A valid certificate of somebody else is none."""
    url = rabbit.url(rabbit.authority.certificate, host="127.0.0.1")
    assert "certificate is not valid for '127.0.0.1'" in await _refusal(url, caplog)


async def test_a_client_without_a_certificate_is_refused(
    rabbit: TlsRabbit, caplog: pytest.LogCaptureFixture
) -> None:
    """Where RabbitMQ asks for one, a connection without it never gets up."""
    url = rabbit.url(rabbit.authority.certificate, certificate=False)
    assert "cannot be reached" in await _refusal(url, caplog)


async def _refusal(url: str, caplog: pytest.LogCaptureFixture) -> str:
    """Return what is logged of a connection that must not get up."""
    with caplog.at_level(logging.WARNING):
        async with consuming(url) as recorder:
            await eventually(lambda: "cannot be reached" in caplog.text)
            assert recorder.connects == 0
    assert "guest:guest" not in caplog.text
    return caplog.text


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
