"""profile-matcher get: a player's configuration in a terminal or a pipe."""

import json
import subprocess

import pytest
from typer.testing import CliRunner, Result

from command_line.main import app
from devstack.servers import listening
from testbed.builders import PLAYER_ID
from tests.command_line.foreign_servers import PAGE, ForeignServer, a_foreign_server
from tests.command_line.stacks import COMMAND, Stack

LIMIT = 30.0


def get(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["get", *arguments])


def test_prints_json_in_a_pipe(stack: Stack) -> None:
    """What a pipe receives is the configuration as JSON, with no colours in it."""
    found = subprocess.run(
        [COMMAND, "get", PLAYER_ID, "--url", stack.profiles_url],
        capture_output=True,
        check=True,
        timeout=LIMIT,
    )
    profile = json.loads(found.stdout)
    assert profile["player_id"] == PLAYER_ID
    assert "mycampaign" in profile["active_campaigns"]


def test_prints_to_what_only_knows_ascii(stack: Stack) -> None:
    """Characters that the output cannot hold are escaped, as JSON does it."""
    found = subprocess.run(
        [COMMAND, "get", PLAYER_ID, "--url", stack.profiles_url],
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
        timeout=LIMIT,
    )
    assert b"fran\\u00e7aise" in found.stdout
    assert "Festival de la langue française" in json.loads(found.stdout)["active_campaigns"]


def test_says_that_there_is_no_such_player(stack: Stack) -> None:
    """An unknown player is a message and exit code 1."""
    result = get("nobody", "--url", stack.profiles_url)
    assert (result.exit_code, result.output) == (1, "there is no player nobody\n")


@pytest.mark.parametrize("player_id", ["..", "a/b", " x"])
def test_refuses_what_is_no_player_id(player_id: str) -> None:
    """An id that no profile can have is refused without a request."""
    result = get(player_id, "--url", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert result.output.startswith("PLAYER_ID must be 1 to 128 printable characters")


def test_says_that_the_service_is_away() -> None:
    """A server that is not there is one line."""
    with listening("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    result = get(PLAYER_ID, "--url", url)
    assert result.exit_code == 1
    assert result.output.startswith(f"{url} cannot be reached: ")
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("url", ["localhost:1", "http://[", "no.such.host.invalid"])
def test_says_that_an_address_is_none(url: str) -> None:
    """A mistyped address is one line."""
    result = get(PLAYER_ID, "--url", url)
    assert result.exit_code == 1
    assert result.output.startswith(f"{url} cannot be reached: ")


@pytest.mark.parametrize("body", [PAGE, b"[]", b'{"status": "ok"}', b"\xff"])
def test_says_that_the_service_is_another(body: bytes) -> None:
    """Success of somebody else's is one line."""
    with a_foreign_server(ForeignServer(body=body)) as server:
        result = get(PLAYER_ID, "--url", server.url)
    assert result.exit_code == 1
    assert result.output == f"{server.url} is not a Profile Matcher service\n"


def test_takes_no_other_404_for_an_unknown_player(stack: Stack) -> None:
    """A page that another service does not have says nothing about players."""
    result = get(PLAYER_ID, "--url", stack.campaigns_url)
    assert result.exit_code == 1
    told = f"{stack.campaigns_url} is not the address of the profile service: it answered 404 "
    assert result.output.startswith(told)
    assert result.output.count("\n") == 1


def test_says_where_a_token_is_taken_from() -> None:
    """A refused token is told with the option and the variable that carry it."""
    with a_foreign_server(ForeignServer(status=401, body=b'{"detail": "no"}')) as server:
        result = get(PLAYER_ID, "--url", server.url)
    assert result.exit_code == 1
    assert result.output == (
        "401 no; --token or the variable CLIENT_TOKEN must hold a token of the service's "
        "CLIENT_TOKEN\n"
    )


def test_takes_an_address_without_a_scheme(stack: Stack) -> None:
    """HOST:PORT is taken for http://HOST:PORT."""
    result = get(PLAYER_ID, "--url", stack.profiles_url.removeprefix("http://"))
    assert result.exit_code == 0, result.output
