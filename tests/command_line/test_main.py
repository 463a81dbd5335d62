"""The command itself."""

import os
import signal
import subprocess
from importlib.metadata import version

from typer.testing import CliRunner

from command_line.main import app
from tests.command_line.stacks import COMMAND

LIMIT = 30.0


def test_tells_its_version() -> None:
    """--version prints the name and the version of what is installed."""
    found = subprocess.run([COMMAND, "--version"], capture_output=True, check=True, timeout=LIMIT)
    assert found.stdout.decode() == f"profile-matcher {version('profile-matcher')}\n"


def test_lists_its_commands() -> None:
    """--help names every command."""
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(command in result.output for command in ("up", "seed", "get", "bench"))


def test_an_early_interrupt_is_quiet() -> None:
    """Ctrl-C while modules are still imported ends it with 130 and no traceback."""
    with subprocess.Popen(
        [COMMAND, "up"],
        env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},  # tells of each import
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        while not process.stderr.readline().endswith(" typer\n"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in said
