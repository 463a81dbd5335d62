"""The AsyncAPI document of what is published."""

from faststream.rabbit import RabbitBroker
from faststream.specification import AsyncAPI

from campaign_publisher.publishing.rabbit import snapshot_publisher
from contracts.snapshot import SCHEMA


def describe_events() -> bytes:
    """Give the AsyncAPI document, as JSON, of what is published."""
    broker = RabbitBroker("amqp://localhost/")  # never connected
    snapshot_publisher(broker)
    document = AsyncAPI(
        broker,
        title="Campaign snapshots",
        version=str(SCHEMA),
        description="What the campaign service publishes, at its start, when a campaign changes, "
        "after a reconnect, and as heartbeats in between. Bind a queue of your own to the "
        "exchange; an event may be lost, doubled or late, and each holds all.",
    )
    return document.to_specification().to_json().encode()
