"""Several uvicorn workers are refused at start, and nothing else is."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from uvicorn import Config
from uvicorn._subprocess import get_subprocess

from foundation.workers import workers_beside
from testbed.servers import free_port

ROOT = Path(__file__).parents[2]
APP = "profile_service.main:create_app"


@pytest.mark.parametrize(
    ("workers", "reload", "expected"), [(4, False, 4), (1, False, 1), (1, True, 1), (2, True, 1)]
)
def test_a_process_that_uvicorn_starts(workers: int, *, reload: bool, expected: int) -> None:
    """It is one of as many workers as were asked for; the one of --reload is alone."""
    config = Config(APP, factory=True, workers=workers, reload=reload)
    assert workers_beside(get_subprocess(config, print, [])) == expected


def test_a_process_that_uvicorn_did_not_start() -> None:
    """It is alone, whatever it was started with."""
    assert workers_beside(multiprocessing.current_process()) == 1
    other = multiprocessing.get_context("spawn").Process(target=print, kwargs={"config": 3})
    assert workers_beside(other) == 1


@pytest.mark.parametrize(
    ("factory", "options", "environment"),
    [
        ("campaign_publisher.main:create_app", "--workers 2", {}),
        (APP, "", {"UVICORN_WORKERS": "2"}),
    ],
)
def test_several_workers_end_with_a_message(
    factory: str, options: str, environment: dict[str, str]
) -> None:
    """However they are asked for, the command ends by itself and says what to do instead."""
    ended = subprocess.run(
        [
            sys.executable,
            *f"-m uvicorn --factory {factory} --port {free_port()} {options}".split(),
        ],
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # uvicorn's supervisor itself ends with 0.
    assert "failed to start, stopping the parent process" in ended.stderr
    assert "--workers must be 1" in ended.stderr
    assert "Traceback" not in ended.stderr
