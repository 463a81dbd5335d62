"""profile-matcher lists: who is in a player list, from a file."""

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from command_line.main import app
from devstack.servers import listening
from testbed.builders import a_profile
from tests.command_line.foreign_servers import ForeignServer, a_foreign_server
from tests.command_line.stacks import Stack

LIMIT = 30.0
TOKEN_HINT = "--token or the variable ADMIN_TOKEN must hold a token of the service's ADMIN_TOKEN"


def run(stack: Stack, *arguments: str | Path, given: str | None = None) -> Result:
    """Run the command in this process against a stack."""
    where = ["--url", stack.profiles_url, "--token", stack.token]
    return CliRunner().invoke(app, ["lists", *where, *map(str, arguments)], input=given)


def lists_of(stack: Stack, player_id: str) -> list[str]:
    """Return the lists that a player is in."""
    answer = httpx.get(
        f"{stack.profiles_url}/profiles/{player_id}",
        headers={"Authorization": f"Bearer {stack.token}"},
        timeout=LIMIT,
        trust_env=False,
    )
    lists: list[str] = answer.json().get("lists", [])
    return lists


@pytest.fixture
def players(stack: Stack, tmp_path: Path) -> list[str]:
    """Three stored players who are in no list of this test."""
    ids = [f"{tmp_path.name}-{number}" for number in range(3)]
    body = "".join(f"{json.dumps(a_profile(each))}\n" for each in ids)
    httpx.post(
        f"{stack.profiles_url}/profiles/import",
        content=body,
        headers={"Authorization": f"Bearer {stack.token}"},
        timeout=LIMIT,
        trust_env=False,
    ).raise_for_status()
    return ids


def test_each_mode(stack: Stack, players: list[str], tmp_path: Path) -> None:
    """Players are added unless another mode is named, and counted by what became of them."""
    a, b, c = players
    csv = tmp_path / "some.csv"
    csv.write_text(f"player_id,level\n{a},3\n{b},4\nnobody,1\n")
    result = run(stack, "Fête d'été", csv)
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        [
            f"{csv}: not stored: nobody",
            f"{csv}: 3 ids: 2 added, 0 removed, 0 unchanged, 1 unknown, 0 refused",
        ],
    )
    lines = tmp_path / "some.ndjson"
    lines.write_text(f'"{b}"\n{{"player_id": "{c}"}}\n')
    result = run(stack, "Fête d'été", lines, "--mode", "replace")
    assert result.output == (
        f"{lines}: 2 ids: 1 added, 1 removed, 1 unchanged, 0 unknown, 0 refused\n"
    )
    result = run(stack, "Fête d'été", "-", "--mode", "remove", given=f"{b}\n{a}\n")
    assert result.output == (
        "standard input: 2 ids: 0 added, 1 removed, 1 unchanged, 0 unknown, 0 refused\n"
    )
    assert [lists_of(stack, each) for each in players] == [[], [], ["Fête d'été"]]


def test_json_is_told_from_csv(stack: Stack, players: list[str], tmp_path: Path) -> None:
    """By the first line, wherever it comes from; a file's name says it, too."""
    escaped = players[0].replace("t", "\\u0074")
    for given in (f'\n"{escaped}"\n', f'{{"player_id": "{players[1]}"}}', f"{players[2]}\r\n"):
        result = run(stack, "told", "-", given=given)
        assert "1 ids: 1 added" in result.output
    named = tmp_path / "named.csv"
    named.write_text(f'"{players[0]}",3\n')
    assert "1 unchanged" in run(stack, "told", named).output
    named = tmp_path / "named.ndjson"
    named.write_text(f' \n{players[0]}\n"{players[0]}"\n')
    assert "1 unchanged, 0 unknown, 1 refused" in run(stack, "told", named).output


def test_names_each_line_that_is_refused(stack: Stack, players: list[str], tmp_path: Path) -> None:
    """Wrong lines are told by number, the others count, and it exits with 1."""
    path = tmp_path / "mixed.csv"
    path.write_text(f"{players[0]}\n\na/b\n" + ",\n" * 110)
    result = run(stack, "mixed", path)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0].startswith(f"{path}: line 3: player_id: must be 1 to 128 printable")
    assert lines[100] == f"{path}: and 11 more"
    assert lines[101].endswith(": 112 ids: 1 added, 0 removed, 0 unchanged, 0 unknown, 111 refused")


def test_shows_some_of_the_unknown(stack: Stack, tmp_path: Path) -> None:
    """The first 20, and how many more there are; that alone is no failure."""
    path = tmp_path / "unknown.txt"
    path.write_text("".join(f"nobody {number}\n" for number in range(30)))
    result = run(stack, "unknown", path)
    assert result.exit_code == 0
    assert "not stored: nobody 0, nobody 1" in result.output
    assert result.output.splitlines()[0].endswith("nobody 19 and 10 more")


def test_a_replacement_that_names_nobody(stack: Stack, players: list[str], tmp_path: Path) -> None:
    """It says so, and the list stays."""
    path = tmp_path / "some.csv"
    path.write_text(players[0])
    run(stack, "kept", path)
    path.write_text("nobody\n")
    result = run(stack, "kept", path, "--mode", "replace")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == (
        f"{path}: 409 no stored player is named, so nobody is removed; DELETE empties a list"
    )
    assert lists_of(stack, players[0]) == ["kept"]


def test_says_where_to_go_on(tmp_path: Path) -> None:
    """What broke off goes on after a line, if nothing was to be replaced."""
    counts = {"received": 2, "added": 1, "removed": 0, "unchanged": 0, "unknown": 0, "failed": 0}
    body = {"detail": "no", "reached": 7, "unknown_ids": [], "errors": [], **counts}
    path = tmp_path / "some.csv"
    path.write_text("a\n")
    with a_foreign_server(ForeignServer(status=503, body=json.dumps(body).encode())) as server:
        for mode, hint in (("add", "go on after line 7"), ("replace", "send the whole file again")):
            arguments = ["lists", "vip", str(path), "--mode", mode, "--url", server.url]
            result = CliRunner().invoke(app, arguments)
            assert result.exit_code == 1
            assert result.output.splitlines()[-1] == f"{path}: 503 no; {hint}"
    assert server.asked == [f"POST /profiles/lists/vip?mode={mode}" for mode in ("add", "replace")]


@pytest.mark.parametrize(
    ("content", "named"),
    [(b"", "is empty"), (b"\n \n", "is empty"), ("a\n".encode("utf-16"), "is UTF-16")],
)
def test_refuses_a_file_that_holds_no_ids(
    stack: Stack, tmp_path: Path, content: bytes, named: str
) -> None:
    """Before anything is sent."""
    path = tmp_path / "some.csv"
    path.write_bytes(content)
    result = run(stack, "vip", path)
    assert result.exit_code == 1
    assert result.output.startswith(f"{path} {named}")


def test_refuses_what_cannot_be_meant(stack: Stack, tmp_path: Path) -> None:
    """A missing file, a wrong mode, a name that is none."""
    assert run(stack, "vip", tmp_path / "missing.csv").exit_code == 2
    assert run(stack, "vip", "-", "--mode", "set", given="a").exit_code == 2
    result = run(stack, "a/b", "-", given="a")
    assert (result.exit_code, result.output[:12]) == (1, "LIST must be")
    reserved = run(stack, "overrides", "-", given="a")
    assert reserved.output == "standard input: 422 path.list: must not be 'overrides'\n"


def test_says_that_a_token_is_wrong(stack: Stack) -> None:
    """One line says which."""
    arguments = ["lists", "vip", "-", "--url", stack.profiles_url, "--token", "wrong"]
    result = CliRunner().invoke(app, arguments, input="a\n")
    assert result.exit_code == 1
    assert result.output.endswith(f"; {TOKEN_HINT}\n")


def test_says_that_the_service_is_away() -> None:
    """One line."""
    with listening("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    result = CliRunner().invoke(app, ["lists", "vip", "-", "--url", url], input="a\n")
    assert result.exit_code == 1
    assert result.output.startswith(f"{url} cannot be reached: ")
