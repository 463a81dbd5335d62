"""The real servers that the other tests here build on."""

import subprocess
import sys
from pathlib import Path

import aio_pika
from pymongo import AsyncMongoClient

from testbed import servers

BOTH = "tests/command_line/test_up.py::test_real_servers_are_used_when_they_are_given"
LIMIT = 60.0


async def test_rabbitmq_accepts_a_connection(amqp_url: str) -> None:
    """The URL leads to a RabbitMQ that lets a client in."""
    connection = await aio_pika.connect(amqp_url, timeout=10)
    async with connection:
        assert not connection.is_closed


async def test_mongodb_answers_a_ping(mongo_url: str, mongo_database: str) -> None:
    """The URL leads to a MongoDB where the test's own database is empty."""
    async with AsyncMongoClient[dict[str, object]](mongo_url) as client:
        assert (await client.admin.command("ping"))["ok"] == 1
        assert await client[mongo_database].list_collection_names() == []


def test_a_free_port_is_given_to_no_client() -> None:
    """A server's port lies below those that Linux, macOS and Windows give to clients."""
    assert 1024 < servers.free_port() < 32_768


def test_all_servers_that_a_test_misses_are_named(tmp_path: Path) -> None:
    """Where neither is there, the reason for a skip names RabbitMQ and MongoDB."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", BOTH],
        cwd=Path(__file__).parents[2],
        env={"PATH": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/none"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    [line] = [line for line in ended.stdout.splitlines() if line.startswith("SKIPPED")]
    assert "RabbitMQ is not available: " in line
    assert "; MongoDB is not available: " in line
