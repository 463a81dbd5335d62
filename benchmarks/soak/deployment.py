"""What is soaked: both services as processes, and clients that ask all the time."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.servers.processes import start_all
from testbed.admin_client import TOKEN, AdminClient
from testbed.background import Background
from testbed.deployment import HEARTBEAT, POLL, TTL, amqp_url
from testbed.game_client import TOLERANCE, Asking, Client
from testbed.processes import ServiceProcess, campaign_service, profile_service
from testbed.proxy import Proxy
from testbed.servers import MongoNode, RabbitNode, ServerProcess, mongod, rabbitmq_server

CAMPAIGN_SERVICES = 2
INSTANCES = 3
# Each asks up to 20 times a second, on a connection that it keeps.
CLIENTS_OF_AN_INSTANCE = 2


@dataclass
class Instance:
    """A profile service, its link to RabbitMQ, and the clients that ask it."""

    process: ServiceProcess
    link: Proxy
    clients: Sequence[Client]
    _refused_earlier: float = 0.0

    @property
    def refused(self) -> float:
        """How many requests it answered with 503 because too many waited, in all its lives."""
        return self._refused_earlier + self.process.metric("profile_service_requests_refused_total")

    def restart(self) -> None:
        """Stop it in order and start it again; its clients are not surprised."""
        self._refused_earlier = self.refused
        for client in self.clients:
            client.instance_is_away = True
        self.process.stop()
        for client in self.clients:
            client.revision = -1  # the next process has answered nothing yet
        self.process.start()


@dataclass(frozen=True)
class SoakDeployment:
    """Two campaign services and three instances on a RabbitMQ and a MongoDB of their own."""

    rabbit: RabbitNode
    mongo: MongoNode
    background: Background
    operator: AdminClient
    campaigns: Sequence[ServiceProcess]
    instances: Sequence[Instance]

    @property
    def clients(self) -> list[Client]:
        """The clients of all instances."""
        return [client for instance in self.instances for client in instance.clients]

    @property
    def services(self) -> dict[str, ServerProcess]:
        """The processes of our own, by what they are called in a table."""
        return {
            **{f"campaign service {n}": each for n, each in enumerate(self.campaigns, 1)},
            **{f"profile service {n}": each.process for n, each in enumerate(self.instances, 1)},
        }

    def is_at(self, revision: int) -> bool:
        """Return whether all clients were answered from this revision or a newer one."""
        return all(client.revision >= revision for client in self.clients)

    def excuse_nobody(self) -> None:
        """Hold every answer to its promises from now on: what was broken has healed."""
        for client in self.clients:
            client.mongo_is_away = client.instance_is_away = False
            client.tolerance = TOLERANCE


@contextmanager
def running() -> Iterator[SoakDeployment]:
    """Start everything; it is gone after the block.

    Raises:
        testbed.servers.ServerUnavailableError: there is no RabbitMQ or no MongoDB to start.
    """
    with ExitStack() as stack:
        rabbit = stack.enter_context(RabbitNode(rabbitmq_server()))
        mongo = stack.enter_context(MongoNode(mongod()))
        background = stack.enter_context(Background())
        settings: dict[str, object] = {
            "mongo_url": mongo.url,
            "mongo_database": f"soak-{uuid.uuid4().hex}",
            "campaigns_ttl": TTL,
            "heartbeat_interval": HEARTBEAT,
            "changes_poll_interval": POLL,
            "admin_token": TOKEN,
        }
        campaigns = [
            campaign_service(**settings, amqp_url=amqp_url(rabbit.port))
            for _ in range(CAMPAIGN_SERVICES)
        ]
        operator = stack.enter_context(AdminClient([service.url for service in campaigns]))
        ports = [service.port for service in campaigns]
        settings["campaigns_url"] = (
            f"http://127.0.0.1:{stack.enter_context(Proxy(background, *ports)).port}"
        )
        links = [stack.enter_context(Proxy(background, rabbit.port)) for _ in range(INSTANCES)]
        instances = [
            Instance(process, link, _clients(process.url, operator))
            for link in links
            for process in [profile_service(**settings, amqp_url=amqp_url(link.port))]
        ]
        deployment = SoakDeployment(rabbit, mongo, background, operator, campaigns, instances)
        start_all(list(deployment.services.values()), stack)
        for service in (*campaigns, *(each.process for each in instances)):
            service.until_ready()
        operator.put_profile(instances[0].process.url)
        operator.change()
        stack.enter_context(Asking(background, deployment.clients))
        yield deployment


def _clients(url: str, operator: AdminClient) -> list[Client]:
    return [Client(url, operator.acknowledged_at) for _ in range(CLIENTS_OF_AN_INSTANCE)]
