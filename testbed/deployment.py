"""Two campaign services and two profile services, with links that can be broken."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from testbed import servers
from testbed.admin_client import TOKEN, AdminClient
from testbed.background import Background
from testbed.game_client import Asking, Client
from testbed.proxy import Proxy
from testbed.servers import MongoNode, RabbitNode
from testbed.warm import WarmServiceProcess, campaign_service, profile_service

# Seconds; what is promised is a formula of these.
AMQP_HEARTBEAT = 1
HEARTBEAT = 1.0
TTL = 5.0
POLL = 0.2
RETURN_BOUND = 5.0  # newest revision everywhere after RabbitMQ's return
BLACK_HOLE_BOUND = 3 * (AMQP_HEARTBEAT + 1) + 2.0
# Noticed after 3 intervals, and mended after up to one more, so that instances do not act as one.
MISSED_HEARTBEAT_BOUND = 4 * HEARTBEAT + 2.0
STALENESS_BOUND = TTL + 5.0
CHANGE_BOUND = 2.0  # nothing is broken: a change shows everywhere

LOOK_EVERY = 0.02


@dataclass
class Deployment:
    """The processes, the links between them, the game clients and the operator.

    The first campaign service reaches RabbitMQ through `publisher_link`, the second one
    MongoDB through `log_link`; the first profile service receives through
    `consumer_link`; both find a campaign service through `origin_link`.
    """

    rabbit: RabbitNode
    mongo: MongoNode
    background: Background
    database: str
    publisher_link: Proxy
    consumer_link: Proxy
    log_link: Proxy
    origin_link: Proxy
    campaigns: list[WarmServiceProcess] = field(default_factory=list)
    profiles: list[WarmServiceProcess] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    convergences: list[float] = field(default_factory=list)

    def settings(self, **other: object) -> dict[str, object]:
        """Return the settings of all services here; intervals are short."""
        return {
            "mongo_url": self.mongo.url,
            "mongo_database": self.database,
            "amqp_url": amqp_url(self.rabbit.port),
            "campaigns_url": f"http://127.0.0.1:{self.origin_link.port}",
            "campaigns_ttl": TTL,
            "heartbeat_interval": HEARTBEAT,
            "changes_poll_interval": POLL,
            "admin_token": TOKEN,
            **other,
        }

    @property
    def operator_urls(self) -> list[str]:
        """Where an operator finds a campaign service."""
        return [service.url for service in self.campaigns]

    @property
    def asked(self) -> int:
        """How often clients have asked."""
        return sum(client.asked for client in self.clients)

    @property
    def failed(self) -> int:
        """How many of their answers were errors, or none."""
        return sum(client.failed for client in self.clients)

    def revisions(self) -> list[int]:
        """Return what each instance's clients were answered from last."""
        return [client.revision for client in self.clients]

    def converge(self, revision: int, within: float) -> None:
        """Wait until every instance answers from `revision`, and note the seconds that it took."""
        started = time.monotonic()
        eventually(
            lambda: all(client.revision == revision for client in self.clients),
            within,
            lambda: f"revision {revision} awaited, clients see {self.revisions()}",
        )
        self.convergences.append(time.monotonic() - started)

    def faults(self) -> list[str]:
        """Return what clients were answered that they should not be, up to now, and forget it."""
        found = [fault for client in self.clients for fault in client.faults]
        for client in self.clients:
            client.faults.clear()
        return found


def amqp_url(port: int) -> str:
    """Return the URL of the RabbitMQ at a port, with a heartbeat that makes time short."""
    return f"amqp://guest:guest@127.0.0.1:{port}/?heartbeat={AMQP_HEARTBEAT}"


def eventually(
    condition: Callable[[], object], within: float, otherwise: Callable[[], str] | str = ""
) -> None:
    """Wait until `condition` holds; fails after `within` seconds and says what is there."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            said = otherwise() if callable(otherwise) else otherwise
            raise AssertionError(f"not within {within} s: {said}")
        time.sleep(LOOK_EVERY)


def eventually_reports(
    service: WarmServiceProcess, condition: Callable[[dict[str, Any]], object], within: float
) -> None:
    """Wait until what `/health/ready` says fulfils `condition`; its status is `http`."""
    eventually(lambda: condition(service.health()), within, lambda: str(service.health()))


@contextmanager
def running_deployment(
    rabbit: RabbitNode, mongo: MongoNode, background: Background
) -> Iterator[tuple[Deployment, AdminClient]]:
    """Return a deployment where everybody is at the newest revision, and an operator."""
    with ExitStack() as stack:
        database = f"faults-{uuid.uuid4().hex}"
        stack.callback(servers.drop_database, mongo.url, database)
        amqp_one, amqp_two, log, origin = (
            stack.enter_context(Proxy(background, port))
            for port in (rabbit.port, rabbit.port, mongo.port, 0)
        )
        deployment = Deployment(
            rabbit, mongo, background, database, amqp_one, amqp_two, log, origin
        )
        services = [
            campaign_service(**deployment.settings(amqp_url=amqp_url(amqp_one.port))),
            campaign_service(**deployment.settings(mongo_url=f"mongodb://127.0.0.1:{log.port}")),
        ]
        deployment.campaigns = [stack.enter_context(service) for service in services]
        origin.targets = [service.port for service in deployment.campaigns]
        services = [
            profile_service(**deployment.settings(amqp_url=amqp_url(amqp_two.port))),
            profile_service(**deployment.settings()),
        ]
        deployment.profiles = [stack.enter_context(service) for service in services]
        operator = stack.enter_context(AdminClient(deployment.operator_urls))
        deployment.clients = [
            Client(service.url, operator.acknowledged_at) for service in deployment.profiles
        ]
        for service in (*deployment.campaigns, *deployment.profiles):
            service.until_ready()
        operator.put_profile(deployment.profiles[0].url)
        stack.enter_context(Asking(background, deployment.clients))
        deployment.converge(operator.change(), CHANGE_BOUND)
        yield deployment, operator
