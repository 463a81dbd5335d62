"""The faults that are drawn: each function breaks something and returns when it is whole again."""

import random
import time
from collections.abc import Callable, Iterator

import aio_pika

from benchmarks.soak.deployment import SoakDeployment
from contracts.wire import SNAPSHOT_EXCHANGE
from testbed.deployment import BLACK_HOLE_BOUND

Break = Callable[[SoakDeployment, random.Random], None]

# Longer than a reconnect takes to back off to its longest pause.
AWAY_SECONDS = 5.0
SUSPENDED_SECONDS = 2.0
CONNECT_LIMIT = 10.0


def rabbitmq_is_stopped(deployment: SoakDeployment, _: random.Random) -> None:
    """RabbitMQ is away for a while."""
    deployment.rabbit.stop()
    time.sleep(AWAY_SECONDS)
    deployment.rabbit.start()


def rabbitmq_is_killed(deployment: SoakDeployment, _: random.Random) -> None:
    """RabbitMQ ends as by a power cut, and comes back."""
    deployment.rabbit.kill()
    deployment.rabbit.start()


def rabbitmq_is_restarted(deployment: SoakDeployment, _: random.Random) -> None:
    """RabbitMQ is restarted in order."""
    deployment.rabbit.stop()
    deployment.rabbit.start()


def link_is_a_black_hole(deployment: SoakDeployment, chance: random.Random) -> None:
    """An instance's link to RabbitMQ swallows packets until that must have been noticed."""
    instance = chance.choice(deployment.instances)
    for client in instance.clients:
        # News that a link held back is taken for as fresh as when it arrives.
        client.tolerance = BLACK_HOLE_BOUND
    instance.link.hold()
    try:
        time.sleep(BLACK_HOLE_BOUND)
    finally:
        instance.link.release()


def campaign_service_is_killed(deployment: SoakDeployment, _: random.Random) -> None:
    """A campaign service ends in the middle of whatever it does; the other one goes on.

    It is always the last one, so that the others' memory is seen over the whole time.
    """
    killed = deployment.campaigns[-1]
    killed.kill()
    killed.start()


def instance_is_restarted(deployment: SoakDeployment, _: random.Random) -> None:
    """An instance is stopped as in a deployment and started again; always the last one too."""
    deployment.instances[-1].restart()


def exchange_is_deleted(deployment: SoakDeployment, _: random.Random) -> None:
    """The exchange goes, and with it all bindings; no connection is closed."""
    deployment.background.run(_delete_exchange(deployment.rabbit.url))


def mongodb_is_suspended(deployment: SoakDeployment, _: random.Random) -> None:
    """MongoDB keeps its connections and does not answer."""
    _excuse_errors(deployment)
    deployment.mongo.suspend()
    try:
        time.sleep(SUSPENDED_SECONDS)
    finally:
        deployment.mongo.resume()


def mongodb_is_restarted(deployment: SoakDeployment, _: random.Random) -> None:
    """MongoDB is restarted in order."""
    _excuse_errors(deployment)
    deployment.mongo.stop()
    deployment.mongo.start()


FAULTS: dict[str, Break] = {
    "RabbitMQ stopped for 5 s": rabbitmq_is_stopped,
    "RabbitMQ killed": rabbitmq_is_killed,
    "RabbitMQ restarted": rabbitmq_is_restarted,
    "link to RabbitMQ a black hole": link_is_a_black_hole,
    "exchange deleted": exchange_is_deleted,
    "campaign service killed": campaign_service_is_killed,
    "instance restarted": instance_is_restarted,
    "MongoDB suspended for 2 s": mongodb_is_suspended,
    "MongoDB restarted": mongodb_is_restarted,
}


def draw(chance: random.Random) -> Iterator[str]:
    """Yield kinds of faults without end: in random order, all about equally often."""
    while True:
        yield from chance.sample(list(FAULTS), len(FAULTS))


def _excuse_errors(deployment: SoakDeployment) -> None:
    for client in deployment.clients:
        client.mongo_is_away = True


async def _delete_exchange(url: str) -> None:
    async with await aio_pika.connect(url, timeout=CONNECT_LIMIT) as connection:
        channel = await connection.channel()
        await channel.exchange_delete(SNAPSHOT_EXCHANGE)
