"""Each service goes on while something else is away, and needs no restart when it is back."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from testbed.builders import golden
from testbed.processes import ServiceProcess, campaign_service, profile_service
from testbed.servers import RabbitNode, ServerUnavailableError, rabbitmq_server
from tests.e2e.service_clients import (
    TOKEN,
    ServiceClients,
    active_campaigns,
    all_become,
    eventually_is,
)

ALWAYS = {**golden("campaign"), "start_date": None, "end_date": None}


@contextmanager
def both_services(
    amqp_url: str, mongo_url: str, mongo_database: str
) -> Iterator[tuple[ServiceProcess, ServiceProcess, ServiceClients]]:
    """Return a campaign service and a profile service that are ready, with the golden profile."""
    settings = {
        "mongo_url": mongo_url,
        "mongo_database": mongo_database,
        "amqp_url": amqp_url,
        "admin_token": TOKEN,
    }
    with (
        campaign_service(**settings) as campaigns,
        profile_service(**settings, campaigns_url=campaigns.url) as profiles,
    ):
        campaigns.until_ready()
        profiles.until_ready()
        with closing(ServiceClients(campaigns.url, profiles.url)) as operator:
            operator.put_profile(golden("profile"))
            yield campaigns, profiles, operator


@pytest.fixture
def stopped_rabbitmq() -> Iterator[RabbitNode]:
    """A RabbitMQ of the test's own that does not run yet."""
    try:
        node = RabbitNode(rabbitmq_server())
    except ServerUnavailableError as error:
        pytest.skip(f"RabbitMQ is not available: {error}")
    yield node
    node.close()


def test_both_start_without_rabbitmq_and_changes_flow_once_it_is_there(
    stopped_rabbitmq: RabbitNode, mongo_url: str, mongo_database: str
) -> None:
    """HTTP is served from the first second; after RabbitMQ's start and restart events come."""
    with both_services(stopped_rabbitmq.url, mongo_url, mongo_database) as (
        campaigns,
        profiles,
        operator,
    ):
        assert active_campaigns(profiles.url) == []
        operator.put_campaign(ALWAYS)
        assert campaigns.health()["status"] == "degraded"

        stopped_rabbitmq.start()
        all_become([profiles.url], ["mycampaign"])
        operator.patch_campaign("mycampaign", {"enabled": False})
        all_become([profiles.url], [])

        stopped_rabbitmq.stop()
        operator.patch_campaign("mycampaign", {"enabled": True})
        assert active_campaigns(profiles.url) == []
        stopped_rabbitmq.start()
        all_become([profiles.url], ["mycampaign"])
        assert eventually_is(lambda: campaigns.health()["status"], "ok") == "ok"


def test_players_are_answered_while_the_campaign_service_is_away(
    amqp_url: str, mongo_url: str, mongo_database: str
) -> None:
    """The held campaigns are served, and a change made after its return arrives."""
    with both_services(amqp_url, mongo_url, mongo_database) as (campaigns, profiles, operator):
        operator.put_campaign(ALWAYS)
        all_become([profiles.url], ["mycampaign"])

        campaigns.stop()
        assert active_campaigns(profiles.url) == ["mycampaign"]
        assert profiles.is_ready()
        campaigns.start()
        campaigns.until_ready()
        operator.delete_campaign("mycampaign")
        all_become([profiles.url], [])
