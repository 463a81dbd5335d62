"""Starts the two services as what they are in production: processes that serve a port.

    with campaign_service(mongo_url=mongo, amqp_url=amqp, mongo_database=name) as campaigns:
        campaigns.until_ready()
        httpx.get(f"{campaigns.url}/campaigns")

Inside the block the process answers `/health/live`; after it, process, log and folder are gone.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from campaign_publisher.settings import Settings as CampaignSettings
from profile_service.settings import Settings as ProfileSettings
from testbed.servers import ServerProcess, wait_until

READY_LIMIT = 30.0
EXIT_LIMIT = 10.0
ANSWER_LIMIT = 5.0

_ROOT = Path(__file__).parent.parent
_SETTINGS = {name.upper() for of in (CampaignSettings, ProfileSettings) for name in of.model_fields}
# uvicorn ends by the signal that it was sent, once it has stopped cleanly: 143 in a shell.
_CLEAN_EXITS = {0, 143, -signal.SIGTERM}


class ServiceProcess(ServerProcess):
    """A service served by uvicorn on a port of its own; `settings` are its environment."""

    def __init__(self, app: str, settings: dict[str, object]) -> None:
        super().__init__(app.partition(".")[0])
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=ANSWER_LIMIT, trust_env=False)
        self._app = app
        # No load balancer needs time to see a test's service turn red.
        self.settings: dict[str, object] = {"shutdown_delay": 0, **settings}

    def stop(self) -> None:
        """Send SIGTERM and wait; fails unless it ends cleanly within 10 s."""
        if not self._process:
            return
        started = time.monotonic()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_LIMIT)
        code = self._process.poll()
        self.kill()
        assert code in _CLEAN_EXITS, (
            f"{self.name} ended with {code} after {time.monotonic() - started:.1f} s: {self.log()}"
        )

    def close(self) -> None:
        """End it, giving it a moment, and remove everything it left."""
        if self.is_running and self._process:
            # Suspended, it would not notice.
            self.resume()
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(EXIT_LIMIT)
        self.client.close()
        super().close()

    def health(self) -> dict[str, Any]:
        """Return what `/health/ready` says now, with its HTTP status as `http`."""
        answer = self.client.get("/health/ready")
        return {**answer.json(), "http": answer.status_code}

    def metric(self, name: str, **labels: str) -> float:
        """Return what `/metrics` says of a name now: the sum over all samples with these labels."""
        families = text_string_to_metric_families(self.client.get("/metrics").text)
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def is_ready(self) -> bool:
        """Return whether `/health/ready` answers 200."""
        return self._gives_200("/health/ready")

    def until_ready(self, limit: float = READY_LIMIT) -> None:
        """Wait until it is ready; `TimeoutError` after `limit` seconds."""
        wait_until(self.is_ready, limit, alive=lambda: self.is_running)

    def _command(self) -> list[str]:
        serve = ["-m", "uvicorn", "--factory", self._app, "--no-access-log"]
        return [sys.executable, *serve, "--host", "127.0.0.1", "--port", str(self.port)]

    def _answers(self) -> bool:
        return self._gives_200("/health/live")

    def _gives_200(self, path: str) -> bool:
        with suppress(httpx.HTTPError):
            return self.client.get(path).status_code == httpx.codes.OK
        return False

    def _environment(self) -> dict[str, str]:
        # The machine's own settings must not reach the services under test.
        machine = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
        given = {name.upper(): str(value) for name, value in self.settings.items()}
        return {**machine, "PYTHONPATH": str(_ROOT), **given}


def campaign_service(**settings: object) -> ServiceProcess:
    """Return a campaign service with these settings, `mongo_url=...` for MONGO_URL and so on."""
    return ServiceProcess("campaign_publisher.main:create_app", settings)


def profile_service(**settings: object) -> ServiceProcess:
    """Return a profile service with these settings, `amqp_url=...` for AMQP_URL and so on."""
    return ServiceProcess("profile_service.main:create_app", settings)
