"""The services as they are deployed: processes on a RabbitMQ and a MongoDB."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import orjson

from benchmarks.servers.existing_servers import Urls
from benchmarks.servers.players import with_players
from benchmarks.servers.processes import start_all
from benchmarks.workload import campaigns, player_id
from contracts.wire import REVISION_HEADER, SNAPSHOT_PATH
from testbed.processes import ServiceProcess, campaign_service, profile_service
from testbed.servers import wait_until

TOKEN = "benchmark"  # noqa: S105 - of servers that live as long as this does
IMPORT_SECONDS = 60.0
APPLIED_SECONDS = 30.0


@dataclass(frozen=True)
class Deployment:
    """One campaign service, and instances of the profile service that know all players."""

    campaigns: ServiceProcess
    instances: Sequence[ServiceProcess]

    def replace_campaigns(self, size: int) -> None:
        """Make that many of the game's campaigns the only ones."""
        wanted = [
            campaign.model_dump(mode="json", exclude_none=True) for campaign in campaigns(size)
        ]
        httpx.post(
            f"{self.campaigns.url}/campaigns/import",
            content=orjson.dumps(wanted),
            headers={"authorization": f"Bearer {TOKEN}"},
            timeout=IMPORT_SECONDS,
            trust_env=False,
        ).raise_for_status()

    def wait_until_applied(self) -> None:
        """Wait until every instance holds the newest revision."""
        newest = self.campaigns.client.get(SNAPSHOT_PATH).headers[REVISION_HEADER]
        wait_until(
            lambda: all(_revision_of(instance) == newest for instance in self.instances),
            APPLIED_SECONDS,
        )


def _revision_of(instance: ServiceProcess) -> str | None:
    # An instance that reads its first campaigns on a busy machine may answer 503 for a moment.
    answer = instance.client.get(f"/get_client_config/{player_id(0)}")
    held: str | None = answer.headers.get("x-campaigns-revision")
    return held


@contextmanager
def deployed(servers: Urls, instances: int, *, profiles: str = "") -> Iterator[Deployment]:
    """Start everything on a database of its own, which is removed afterwards.

    `profiles` is the MongoDB that players come from, where it is another one.
    """
    database = f"bench-{uuid.uuid4().hex}"
    settings = {
        "mongo_url": servers.mongo,
        "mongo_database": database,
        "amqp_url": servers.amqp,
        "admin_token": TOKEN,
    }
    with with_players(servers.mongo, database), ExitStack() as stack:
        publisher = stack.enter_context(campaign_service(**settings))
        publisher.until_ready()
        given = {**settings, "campaigns_url": publisher.url, "mongo_url": profiles or servers.mongo}
        started = [profile_service(**given) for _ in range(instances)]
        start_all(started, stack)
        for instance in started:
            instance.until_ready()
        yield Deployment(publisher, started)
