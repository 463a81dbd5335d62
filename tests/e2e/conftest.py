"""One campaign service and two profile services on a real RabbitMQ and MongoDB."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from testbed import servers
from testbed.builders import golden
from testbed.processes import ServiceProcess, campaign_service, profile_service
from tests.e2e.service_clients import TOKEN, ServiceClients, all_become


@dataclass(frozen=True)
class Deployment:
    """The processes, and an operator at the campaign service and the first profile service."""

    campaigns: ServiceProcess
    profiles: tuple[ServiceProcess, ServiceProcess]
    operator: ServiceClients

    @property
    def profiles_urls(self) -> list[str]:
        """Where players' clients ask."""
        return [service.url for service in self.profiles]


@pytest.fixture(scope="package")
def running_deployment(mongo_url: str, amqp_url: str) -> Iterator[Deployment]:
    """A deployment on a database of its own."""
    database = f"test-{uuid.uuid4().hex}"
    settings = {
        "mongo_url": mongo_url,
        "mongo_database": database,
        "amqp_url": amqp_url,
        "admin_token": TOKEN,
    }
    try:
        with campaign_service(**settings) as campaigns:
            told = {**settings, "campaigns_url": campaigns.url}
            with profile_service(**told) as one, profile_service(**told) as other:
                for service in (campaigns, one, other):
                    service.until_ready()
                with closing(ServiceClients(campaigns.url, one.url)) as operator:
                    yield Deployment(campaigns, (one, other), operator)
    finally:
        servers.drop_database(mongo_url, database)


@pytest.fixture
def deployment(running_deployment: Deployment) -> Deployment:
    """The deployment with the golden profile and no campaign, as every profile service knows."""
    running_deployment.operator.put_profile(golden("profile"))
    running_deployment.operator.replace_campaigns()
    all_become(running_deployment.profiles_urls, [])
    return running_deployment
