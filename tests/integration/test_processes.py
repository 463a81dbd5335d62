"""The services as processes: how they start, stop and tell what is wrong."""

from collections.abc import Callable

import pytest

from testbed.processes import ServiceProcess, campaign_service, profile_service
from testbed.servers import ServerUnavailableError, free_port


def _nobody() -> dict[str, object]:
    port = free_port()
    return {
        "mongo_url": f"mongodb://127.0.0.1:{port}",
        "amqp_url": f"amqp://guest:guest@127.0.0.1:{port}/",
        "campaigns_url": f"http://127.0.0.1:{port}",
    }


@pytest.mark.parametrize("service", [campaign_service, profile_service])
def test_a_service_lives_and_stops_while_nothing_it_needs_is_there(
    service: Callable[..., ServiceProcess],
) -> None:
    """With nobody to talk to a service is live, not ready, and ends cleanly on SIGTERM."""
    with service(**_nobody()) as process:
        assert process.health()["http"] == 503
        process.stop()
        process.start()
        assert not process.is_ready()


def test_a_wrong_setting_ends_the_process_with_one_line() -> None:
    """A process that cannot use a setting ends at once and names it."""
    with (
        pytest.raises(ServerUnavailableError, match=r"CAMPAIGNS_TTL='soon'.*seconds"),
        profile_service(campaigns_ttl="soon"),
    ):
        pass
