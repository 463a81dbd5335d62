"""A profile service's consumer and a campaign service's channel, on the RabbitMQ that all share."""

from collections.abc import AsyncIterator

import pytest

from campaign_publisher.publishing.publisher import SnapshotChannel
from tests.integration.messaging import Recorder, consuming, eventually, publishing


@pytest.fixture
async def recorder(amqp_url: str) -> AsyncIterator[Recorder]:
    """A consumer that is subscribed and holds revision 0."""
    async with consuming(amqp_url) as recorder:
        await eventually(lambda: recorder.connects and recorder.revision == 0)
        yield recorder


@pytest.fixture
async def channel(amqp_url: str) -> AsyncIterator[SnapshotChannel]:
    """A campaign service's channel."""
    async with publishing(amqp_url) as channel:
        yield channel
