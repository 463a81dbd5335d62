"""profile-matcher explain: why a player is in campaigns, in a terminal or a pipe."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from command_line.main import app
from command_line.verdicts import VerdictWriter
from testbed.builders import PLAYER_ID
from tests.command_line.foreign_servers import ForeignServer, a_foreign_server
from tests.command_line.stacks import COMMAND, Stack

LIMIT = 30.0
ACTIVE = "the campaign is active, and the player matches"


def explain(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["explain", *arguments])


def asked(stack: Stack, *arguments: str) -> list[str]:
    """Return the lines on the example player, which must come."""
    result = explain(PLAYER_ID, "--url", stack.profiles_url, "--token", stack.token, *arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def a_draft(folder: Path, **fields: Any) -> str:
    """Write a draft campaign into a file, and return its name."""
    file = folder / "draft.json"
    file.write_text(json.dumps({"game": "mygame", "name": "draft", **fields}))
    return str(file)


def test_each_campaign_has_a_line(stack: Stack) -> None:
    """Those that the player is in and the others, each with a word and a reason."""
    heading, *lines = asked(stack)
    assert heading.startswith(f"player {PLAYER_ID} at 20")
    assert f"yes mycampaign: {ACTIVE}" in lines
    [high] = [line for line in lines if "High Rollers" in line]
    assert high == "no  High Rollers: level is 3, and must be at least 20"
    below = lines[lines.index(high) + 1 :][:2]
    assert below == [
        "\u251c\u2500\u2500 no  level is 3, and must be at least 20",
        '\u2514\u2500\u2500 no  the player does not have "vip_pass"',
    ]


def test_one_campaign_at_a_time(stack: Stack) -> None:
    """By name and date; --full shows what holds, too."""
    asking = ("--campaign", "Summer Event", "--at", "2024-01-01T00:00:00Z")
    heading, line = asked(stack, *asking)
    assert "at 2024-01-01T00:00:00Z" in heading
    assert line == "no  Summer Event: the campaign starts at 2024-06-01T00:00:00Z"
    _, _, circumstances, country = asked(stack, *asking, "--full")
    assert "status scheduled, priority 5, from 2024-06-01T00:00:00Z" in circumstances
    assert 'yes country is "CA", and must be one of "US", "CA", "MX"' in country


def test_a_draft_of_a_file(stack: Stack, tmp_path: Path) -> None:
    """It is explained as if it were stored, and is not stored."""
    file = a_draft(tmp_path, matchers={"level": {"min": 9}, "has": {"country": ["CA"]}})
    _, line = asked(stack, "--file", file)
    assert line == "no  draft: level is 3, and must be at least 9"
    assert not [line for line in asked(stack) if " draft" in line]
    _, line = asked(stack, "--file", file, "--campaign", "mycampaign")
    assert line == f"yes mycampaign: {ACTIVE}"


def test_a_draft_of_standard_input(stack: Stack, tmp_path: Path) -> None:
    """A pipe does as well as a file, and carries no colours."""
    found = subprocess.run(
        [COMMAND, "explain", PLAYER_ID, "--file", "-", "--url", stack.profiles_url],
        input=Path(a_draft(tmp_path, variants=[{"name": "a", "weight": 1}])).read_bytes(),
        env={**os.environ, "ADMIN_TOKEN": stack.token, "COLUMNS": "40"},
        capture_output=True,
        check=True,
        timeout=LIMIT,
    )
    assert found.stdout.decode().splitlines()[1] == f"yes draft, variant a: {ACTIVE}"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_marks_are_coloured_and_words(stack: Stack, encoding: str) -> None:
    """A terminal shows green and red; what it cannot hold is written as a code."""
    found = subprocess.run(
        [COMMAND, "explain", PLAYER_ID, "--url", stack.profiles_url],
        env={
            "ADMIN_TOKEN": stack.token,
            "FORCE_COLOR": "1",
            "TERM": "xterm-256color",
            "PYTHONIOENCODING": encoding,
            "COLUMNS": "200",
        },
        capture_output=True,
        check=True,
        timeout=LIMIT,
    )
    shown = found.stdout.decode(encoding)
    assert "\x1b[1;32myes " in shown
    assert "\x1b[1;31mno  " in shown
    french = "fran\u00e7aise" if encoding == "utf-8" else "fran\\xe7aise"
    assert f"Festival de la langue {french}" in shown


def leaf(reason: str, *, verdict: bool = False) -> dict[str, Any]:
    """Return a condition as /explain answers it."""
    return {"matcher": "level", "verdict": verdict, "reason": reason}


def whole(matcher: str, *parts: Any, verdict: bool = False, **fields: Any) -> dict[str, Any]:
    """Return a whole as /explain answers it."""
    return {"matcher": matcher, "verdict": verdict, "parts": [*parts], **fields}


def written(matchers: dict[str, Any], *, full: bool = False) -> list[str]:
    """Return the lines on matchers, without those on the campaign."""
    campaign = {
        "name": "it",
        "priority": 0,
        "active": False,
        "reason": "the reason",
        "status": "active",
        "start_date": None,
        "end_date": None,
        "variant": None,
        "group": None,
        "group_winner": None,
        "matchers": matchers,
    }
    console = Console(width=200)
    with console.capture() as capture:
        console.print(VerdictWriter("utf-8", full=full).tree(campaign))
    lines = capture.get().splitlines()[1 + full :]
    return [line.lstrip("\u2502\u251c\u2514\u2500\u00a0 ") for line in lines]


TREE = whole(
    "matchers",
    leaf("holds", verdict=True),
    whole("any", leaf("a"), whole("matchers", whole("where", leaf("b"), leaf("c", verdict=True)))),
    whole("none", leaf("d", verdict=True), leaf("e")),
    whole(
        "segment",
        whole("segment", whole("segment", leaf("f"), segment="whales", reason="g"), operator="all"),
    ),
)


def test_what_decides_is_shown() -> None:
    """Of a whole that fails what fails, of one that must not hold what holds."""
    assert written(TREE) == [
        "no  any of",
        "no  a",
        "no  b",
        "no  none of",
        "yes d",
        "no  in the segment whales",
        "no  f",
    ]


def test_all_is_shown_when_it_is_asked_for() -> None:
    """Every condition once, whatever its verdict."""
    lines = written(TREE, full=True)
    assert [line[4:] for line in lines if len(line) == 5] == ["a", "b", "c", "d", "e", "f"]
    assert "yes holds" in lines


def test_a_value_changes_no_terminal() -> None:
    """What a profile holds is text: control characters are written as codes, markup as it is."""
    lines = written(whole("matchers", leaf("\x1b[31m \x9b \n [bold]x[/bold]"), leaf("b")))
    assert lines[0] == "no  \\x1b[31m \\x9b \\n [bold]x[/bold]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody",), "there is no player nobody"),
        ((PLAYER_ID, "--campaign", "nothing"), "there is no campaign nothing"),
        ((PLAYER_ID, "--at", "tomorrow"), "422 query.at: must be an RFC 3339 date and time"),
        (("a/b",), "PLAYER_ID must be 1 to 128 printable characters"),
    ],
)
def test_what_is_wrong_is_one_line(stack: Stack, arguments: tuple[str, ...], message: str) -> None:
    """A player or a campaign that there is not, or a date that is none."""
    result = explain(*arguments, "--url", stack.profiles_url, "--token", stack.token)
    assert result.exit_code == 1
    assert result.output.startswith(message)
    assert result.output.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "does not hold one campaign as a JSON object"),
        ("{", "is not JSON to be sent"),
        ('{"player_id": "x"}', "holds profiles: campaigns are wanted"),
        ('{"game": "g", "name": "x", "matchers": {"level": 1}}', "422 campaign.matchers.level: "),
    ],
)
def test_a_draft_that_is_none_is_one_line(
    stack: Stack, tmp_path: Path, text: str, message: str
) -> None:
    """By the file, or by the field that the service names."""
    file = tmp_path / "draft.json"
    file.write_text(text)
    result = explain(
        PLAYER_ID, "--file", str(file), "--url", stack.profiles_url, "--token", stack.token
    )
    assert result.exit_code == 1
    assert message in result.output
    assert result.output.count("\n") == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named before anything is asked."""
    result = explain(PLAYER_ID, "--file", str(tmp_path / "none.json"))
    assert result.exit_code == 2
    assert "there is no file" in result.output


def test_says_where_a_token_is_taken_from(stack: Stack) -> None:
    """A refused token is told with the option and the variable that carry it."""
    result = explain(PLAYER_ID, "--url", stack.profiles_url, "--token", "wrong")
    assert result.exit_code == 1
    assert "--token or the variable ADMIN_TOKEN" in result.output


@pytest.mark.parametrize("body", [b"[]", b'{"status": "ok"}', b'{"campaigns": []}'])
def test_says_that_the_service_is_another(body: bytes) -> None:
    """Success of somebody else's is one line."""
    with a_foreign_server(ForeignServer(body=body)) as server:
        result = explain(PLAYER_ID, "--url", server.url)
    assert result.exit_code == 1
    assert result.output == f"{server.url} is not a Profile Matcher service\n"


def test_says_how_many_are_left_out() -> None:
    """Of very many campaigns some are shown, and the others counted."""
    content = {
        "player_id": "x",
        "at": "2022-02-01T12:00:00Z",
        "revision": 1,
        "stale": True,
        "campaigns": [],
        "left_out": 1234,
    }
    with a_foreign_server(ForeignServer(body=json.dumps(content).encode())) as server:
        result = explain(PLAYER_ID, "--url", server.url)
    assert result.output.splitlines() == [
        "player x at 2022-02-01T12:00:00Z, campaigns of revision 1, which may be out of date",
        "1,234 more campaigns: name one with --campaign",
    ]
