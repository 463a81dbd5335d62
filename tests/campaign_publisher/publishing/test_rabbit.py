"""The AsyncAPI document of the snapshot events."""

import orjson

from campaign_publisher.publishing.asyncapi import describe_events
from contracts import wire
from contracts.snapshot import CampaignSnapshot
from testbed.builders import an_event


def test_the_exchange_is_described_as_it_is() -> None:
    """Its name and kind, the snapshot's whole schema, and each header."""
    document = orjson.loads(describe_events())
    (channel,) = document["channels"].values()
    exchange = channel["bindings"]["amqp"]["exchange"]
    assert (exchange["name"], exchange["type"]) == (wire.SNAPSHOT_EXCHANGE, "fanout")
    assert exchange["durable"]
    for header in an_event().to_headers():
        assert f"`{header}`" in channel["description"]
    payload = document["components"]["schemas"]["CampaignSnapshot"]
    assert payload["properties"].keys() == CampaignSnapshot.model_json_schema()["properties"].keys()
