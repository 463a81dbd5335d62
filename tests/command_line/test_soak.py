"""profile-matcher soak: what it counts is tested beside the benchmarks."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from command_line.main import app


def test_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there is no RabbitMQ to start, one line says so, after the seed of the run."""
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = CliRunner().invoke(app, ["soak", "--seed", "7", "--minutes", "1"])
    assert ended.exit_code == 1
    assert ended.output.splitlines() == [
        "seed 7: 1 minutes",
        "no rabbitmq-server (with its epmd) is installed",
    ]


def test_says_that_it_is_too_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run in which no fault fits says so, and which run is long enough."""
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = CliRunner().invoke(app, ["soak", "--seed", "7", "--minutes", "0.3"])
    assert ended.output.splitlines()[0] == (
        "0.3 minutes are too short for a fault: give --minutes 0.5 or more"
    )
