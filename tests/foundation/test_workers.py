"""`uvicorn --workers N` is refused at start, and nothing else is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.workers import workers
from testbed.servers import free_port

ROOT = Path(__file__).parents[2]
FACTORIES = ["campaign_publisher.main:create_app", "profile_service.main:create_app"]


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ([], {}, 1),
        (["--workers", "4"], {}, 4),
        (["--port", "1", "--workers=2"], {}, 2),
        ([], {"WEB_CONCURRENCY": "3"}, 3),
        (["--workers", "1"], {"WEB_CONCURRENCY": "3"}, 1),
        (["--reload"], {"WEB_CONCURRENCY": "3"}, 1),
        (["--workers"], {}, 1),
        ([], {"WEB_CONCURRENCY": "many"}, 1),
    ],
)
def test_the_number_of_workers(
    arguments: list[str], environment: dict[str, str], expected: int
) -> None:
    """The command line counts, then the environment, as for uvicorn."""
    assert workers(["uvicorn", *arguments], environment) == expected


@pytest.mark.parametrize("factory", FACTORIES)
def test_several_workers_end_with_one_message(factory: str) -> None:
    """The command ends by itself, and says what to do instead."""
    ended = subprocess.run(
        [
            sys.executable,
            *f"-m uvicorn --factory {factory} --workers 2 --port {free_port()}".split(),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # uvicorn's supervisor itself ends with 0.
    assert "failed to start, stopping the parent process" in ended.stderr
    assert "--workers must be 1" in ended.stderr
    assert "Traceback" not in ended.stderr
