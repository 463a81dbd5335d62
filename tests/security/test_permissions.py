"""The permissions in RabbitMQ that docs/security.md gives to each service are enough."""

import asyncio
import re
from pathlib import Path

import pytest

from campaign_publisher.publishing.publisher import PublishFailed
from testbed.builders import a_published_campaign, a_snapshot
from testbed.servers import RabbitNode
from tests.integration.messaging import consuming, eventually, publish, publishing

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"


def documented() -> list[list[str]]:
    """Return the arguments of the commands as they are documented."""
    commands = re.findall(
        r"^ +rabbitmqctl (set_permissions .+)$", DOCUMENT.read_text(), re.MULTILINE
    )
    return [command.replace("'", "").split(" ") for command in commands]


async def test_each_service_can_do_what_it_must_and_no_more(rabbit_node: RabbitNode) -> None:
    """Snapshots travel, unreadable events are kept, and no instance can publish snapshots."""
    commands = documented()
    assert [command[1] for command in commands] == ["campaigns", "profiles"]
    for command in commands:
        await asyncio.to_thread(rabbit_node.control, "add_user", command[1], "secret")
        await asyncio.to_thread(rabbit_node.control, *command)
    host = rabbit_node.url.partition("@")[2]
    campaigns, profiles = (f"amqp://{name}:secret@{host}" for name in ("campaigns", "profiles"))
    async with publishing(campaigns) as channel, consuming(profiles) as recorder:
        await eventually(lambda: recorder.connects and recorder.revision == 0)
        await publish(channel, a_snapshot([a_published_campaign()], revision=1))
        await eventually(lambda: recorder.revision == 1)
        letters = recorder.dead_letters
        await channel.publish(b"{", headers={}, message_type="", message_id="broken")
        await eventually(lambda: letters.published == 1)
        async with publishing(profiles) as forbidden:
            await eventually(lambda: forbidden.is_up)
            with pytest.raises(PublishFailed, match="ACCESS_REFUSED"):
                await forbidden.publish(b"{", headers={}, message_type="", message_id="forged")
        assert recorder.revision == 1
