"""The AsyncAPI document of the snapshot events."""

from faststream.rabbit import RabbitBroker
from faststream.specification import AsyncAPI

from campaign_publisher.publishing.rabbit import snapshot_publisher
from contracts.snapshot import SCHEMA


def describe_events() -> bytes:
    """Return the AsyncAPI document of the snapshot events, as JSON."""
    broker = RabbitBroker("amqp://localhost/")  # never connected
    snapshot_publisher(broker)
    document = AsyncAPI(
        broker,
        title="Campaign snapshots",
        version=str(SCHEMA),
        description="Published by the campaign service at its start, when a campaign changes and "
        "after a reconnect, with heartbeats in between. Bind a queue of your own to the exchange. "
        "An event may be lost, doubled or late; each snapshot holds all campaigns and segments.",
    )
    return document.to_specification().to_json().encode()
