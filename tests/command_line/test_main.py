"""The command itself."""

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
