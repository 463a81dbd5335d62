"""The real servers that the other tests here build on."""

import aio_pika
from pymongo import AsyncMongoClient

from tests import servers


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
