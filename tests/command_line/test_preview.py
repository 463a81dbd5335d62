"""profile-matcher preview: how many players a file would reach."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from command_line.main import app
from testbed.builders import PLAYER_ID
from tests.command_line.foreign_servers import ForeignServer, a_foreign_server
from tests.command_line.stacks import Stack

ONE: dict[str, Any] = {"where": {"player_id": {"eq": PLAYER_ID}}}
CAMPAIGN: dict[str, Any] = {"game": "mygame", "name": "draft", "matchers": ONE}


def preview(stack: Stack, *arguments: str | Path, text: str | None = None) -> Result:
    """Run the command in this process against a stack."""
    where = ["--url", stack.profiles_url, "--token", stack.token]
    return CliRunner().invoke(app, ["preview", *map(str, arguments), *where], input=text)


def written(folder: Path, content: object) -> Path:
    """Write JSON into a file."""
    path = folder / "content.json"
    path.write_text(json.dumps(content))
    return path


def answering(**fields: Any) -> ForeignServer:
    """Return a server that answers with these figures."""
    answer = {"matching": 0, "total": 0, "exact": True, "sample": [], "took_ms": 400.0, **fields}
    return ForeignServer(body=json.dumps(answer).encode())


@pytest.mark.parametrize(
    "content", [CAMPAIGN, ONE, {"matchers": ONE, "description": "a segment"}, [CAMPAIGN]]
)
def test_shows_how_many_and_who(stack: Stack, tmp_path: Path, content: object) -> None:
    """A campaign, bare matchers or a segment: the figures in one line, then an id a line."""
    result = preview(stack, written(tmp_path, content))
    assert result.exit_code == 0, result.output
    first, *ids = result.output.splitlines()
    assert first.startswith("1 of ")
    assert " players (" in first
    assert ", exact, " in first
    assert ids == [PLAYER_ID]


def test_reads_standard_input(stack: Stack) -> None:
    """A pipe does as well as a file, and no ids are shown when none are wanted."""
    result = preview(stack, "-", "--sample", "0", text=json.dumps(CAMPAIGN))
    assert result.exit_code == 0, result.output
    assert result.output.startswith("1 of ")
    assert result.output.count("\n") == 1


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"matching": 12_345, "total": 100_000},
            "12,345 of 100,000 players (12.3 %), exact, 0.4 s\n",
        ),
        (
            {"matching": 5, "total": 50, "exact": False, "took_ms": 2003.7},
            "at least 5 of 50 players (10.0 %), counted for 2.0 s\n",
        ),
        ({}, "0 of 0 players, exact, 0.4 s\n"),
    ],
)
def test_says_whether_it_is_exact(tmp_path: Path, fields: dict[str, Any], line: str) -> None:
    """A lower bound is never shown as the number, and no players at all have no share."""
    with a_foreign_server(answering(**fields)) as server:
        result = CliRunner().invoke(
            app, ["preview", str(written(tmp_path, ONE)), "--url", server.url]
        )
    assert (result.exit_code, result.output) == (0, line)


def test_says_what_is_wrong_with_the_matchers(stack: Stack, tmp_path: Path) -> None:
    """The service's own words, in one line."""
    result = preview(stack, written(tmp_path, {"where": {"xp": {"eqq": 1}}}))
    assert result.exit_code == 1
    assert result.output.startswith("422 matchers.where.xp.eqq: is not known here; allowed: eq")
    assert result.output.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([CAMPAIGN, CAMPAIGN], "does not hold one object: a campaign, a segment or matchers"),
        ([], "does not hold one object"),
        ([1], "does not hold one object"),
        ({"player_id": "x"}, "holds profiles: a campaign, a segment or matchers are wanted"),
    ],
)
def test_refuses_a_file_of_something_else(tmp_path: Path, content: object, told: str) -> None:
    """One object is previewed: anything else is refused without a request."""
    path = written(tmp_path, content)
    result = CliRunner().invoke(app, ["preview", str(path), "--url", "http://127.0.0.1:1"])
    assert result.exit_code == 1
    assert result.output.startswith(f"{path} {told}")
    assert result.output.count("\n") == 1


def test_says_that_there_is_no_file() -> None:
    """A mistyped name is a wrong use of the command."""
    result = CliRunner().invoke(app, ["preview", "no/such.json"])
    assert result.exit_code == 2
    assert "there is no file no/such.json" in result.output


def test_says_where_a_token_is_taken_from(stack: Stack, tmp_path: Path) -> None:
    """A refused token is told with the option and the variable that carry it."""
    arguments = ["preview", str(written(tmp_path, ONE)), "--url", stack.profiles_url]
    result = CliRunner().invoke(app, [*arguments, "--token", "wrong"])
    assert result.exit_code == 1
    assert result.output == (
        "401 the token is not valid; --token or the variable ADMIN_TOKEN must hold a token of the "
        "service's ADMIN_TOKEN\n"
    )
