"""RabbitMQ and MongoDB: existing servers by URL, or private ones started here."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from testbed.servers import mongo, rabbitmq


@dataclass(frozen=True)
class Urls:
    """Where RabbitMQ and MongoDB are; empty: wherever the tests find one."""

    amqp: str = ""
    mongo: str = ""


@contextmanager
def existing_or_private(given: Urls) -> Iterator[Urls]:
    """Start what was not given, as the tests do; it is gone at the end.

    Raises:
        testbed.servers.ServerUnavailableError: there is no way to start one.
    """
    with ExitStack() as stack:
        yield Urls(
            amqp=given.amqp or stack.enter_context(rabbitmq()),
            mongo=given.mongo or stack.enter_context(mongo()),
        )
