"""profile-matcher seed: campaigns and profiles from files."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from command_line.main import app
from devstack.servers import listening
from testbed.builders import a_campaign, a_profile
from tests.command_line.foreign_servers import PAGE, ForeignServer, a_foreign_server
from tests.command_line.stacks import COMMAND, Stack, a_stack

LIMIT = 30.0
TOKEN_HINT = "--token or the variable ADMIN_TOKEN must hold a token of the service's ADMIN_TOKEN"


def seed(stack: Stack, *arguments: str | Path, token: str | None = None) -> Result:
    """Run the command in this process against a stack."""
    where = ["--campaigns-url", stack.campaigns_url, "--profiles-url", stack.profiles_url]
    secret = ["--token", stack.token if token is None else token]
    return CliRunner().invoke(app, ["seed", *where, *secret, *map(str, arguments)])


def a_json_campaign(name: str, **fields: Any) -> dict[str, Any]:
    """Return a campaign as it is sent, for players that the examples do not have."""
    campaign = a_campaign(name, level=(100, None))
    return {**campaign.model_dump(mode="json", exclude_none=True), **fields}


def written(path: Path, content: Any) -> Path:
    """Write JSON into a file."""
    path.write_text(json.dumps(content))
    return path


def written_lines(path: Path, lines: Iterable[Any]) -> Path:
    """Write NDJSON into a file."""
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def campaigns_of(stack: Stack) -> set[str]:
    """Return the names of all campaigns."""
    answer = httpx.get(
        f"{stack.campaigns_url}/campaigns", params={"status": "all"}, timeout=LIMIT, trust_env=False
    )
    return {campaign["name"] for campaign in answer.json()}


def profile_of(stack: Stack, player_id: str) -> httpx.Response:
    """Ask for a player's configuration."""
    return httpx.get(
        f"{stack.profiles_url}/get_client_config/{player_id}", timeout=LIMIT, trust_env=False
    )


def test_writes_campaigns_beside_those_there_are(stack: Stack, tmp_path: Path) -> None:
    """Lists and single campaigns of several files are written; the others stay."""
    before = campaigns_of(stack)
    some = written(
        tmp_path / "some.json", [a_json_campaign("Fête d'été"), a_json_campaign("50 %?")]
    )
    one = written(tmp_path / "one.json", a_json_campaign("one"))
    result = seed(stack, "--campaigns", some, "--campaigns", one)
    assert (result.exit_code, result.output) == (0, "campaigns: 3 written, 0 refused\n")
    assert campaigns_of(stack) == before | {"Fête d'été", "50 %?", "one"}


def test_writes_segments_before_the_campaigns_that_need_them(tmp_path: Path) -> None:
    """In whatever order they stand; what is wrong is named, and the others are written."""
    with a_stack(tmp_path) as stack:
        segments = [
            {"name": "c", "matchers": {"segment": {"any": ["b"]}}},
            {"name": "b", "matchers": {"none": [{"segment": {"any": ["a"]}}]}},
            {"name": "a", "matchers": {"level": {"min": 100}}, "last_updated": "whenever"},
        ]
        campaign = a_json_campaign("offer", matchers={"segment": {"any": ["c"]}})
        where = written(tmp_path / "segments.json", segments)
        result = seed(
            stack, "--campaigns", written(tmp_path / "c.json", campaign), "--segments", where
        )
        assert (result.exit_code, result.output.splitlines()) == (
            0,
            ["segments: 3 written, 0 refused", "campaigns: 1 written, 0 refused"],
        )
        wrong = [
            {"name": "lost", "matchers": {"segment": {"any": ["nobody"]}}},
            {"name": "d", "matchers": {}},
            {"matchers": {}},
            7,
        ]
        result = seed(stack, "--segments", written_lines(tmp_path / "wrong.ndjson", wrong))
        assert result.exit_code == 1
        assert "segment 1: lost: 422 " in result.output
        assert "there is no segment 'nobody'" in result.output
        assert "segment 3: has no name" in result.output
        assert "segments: 1 written, 3 refused" in result.output
        assert "offer" in campaigns_of(stack)


def test_segments_that_lead_back_to_themselves_are_refused(stack: Stack, tmp_path: Path) -> None:
    """The first is refused for what is missing yet, and nothing breaks."""
    cycle = [
        {"name": "x", "matchers": {"segment": {"any": ["y"]}}},
        {"name": "y", "matchers": {"segment": {"any": ["x"]}}},
    ]
    result = seed(stack, "--segments", written(tmp_path / "cycle.json", cycle))
    assert result.exit_code == 1
    assert "segments: 0 written, 2 refused" in result.output


@pytest.mark.parametrize("other", ["campaigns", "profiles"])
def test_a_file_of_something_else_is_no_segments(stack: Stack, tmp_path: Path, other: str) -> None:
    """It is said what the file holds, and nothing is sent."""
    content = a_json_campaign("a") if other == "campaigns" else a_profile("a")
    result = seed(stack, "--segments", written(tmp_path / "other.json", [content]))
    assert result.exit_code == 1
    assert f"holds {other}: segments are wanted" in result.output


def test_overlooks_a_byte_order_mark(stack: Stack, tmp_path: Path) -> None:
    """What some editors put before UTF-8 is no part of the JSON."""
    mark = "\N{ZERO WIDTH NO-BREAK SPACE}"
    campaign, many, lines = tmp_path / "one.json", tmp_path / "many.json", tmp_path / "many.ndjson"
    campaign.write_text(mark + json.dumps(a_json_campaign("marked")))
    many.write_text(mark + json.dumps([a_profile("marked-1")]))
    lines.write_text(mark + json.dumps(a_profile("marked-2")))
    result = seed(stack, "--campaigns", campaign, "--profiles", many, "--profiles", lines)
    assert result.exit_code == 0, result.output


def test_writes_campaigns_of_lines(stack: Stack, tmp_path: Path) -> None:
    """Campaigns may stand one a line, and are numbered by what is no empty line."""
    path = tmp_path / "some.ndjson"
    good, bad = json.dumps(a_json_campaign("a line")), json.dumps({"game": "mygame"})
    path.write_text(f"{good}\r\n\r\n{bad}\n")
    result = seed(stack, "--campaigns", path)
    assert result.output.splitlines() == [
        f"{path}: campaign 2: has no name",
        "campaigns: 1 written, 1 refused",
    ]
    path.write_text(f"{good}\n\n{{\n")
    result = seed(stack, "--campaigns", path)
    assert result.exit_code == 1
    assert result.output.startswith(f"{path}: line 3 is not JSON to be sent: ")


def test_names_each_campaign_that_is_refused(stack: Stack, tmp_path: Path) -> None:
    """What is wrong is told for each campaign, the good ones are written, and it exits with 1."""
    path = written(
        tmp_path / "mixed.json",
        [
            a_json_campaign("good"),
            a_json_campaign("bad", priority="high"),
            {"game": "mygame"},
            7,
            {**a_json_campaign("a"), "name": "a/b"},
        ],
    )
    result = seed(stack, "--campaigns", path)
    assert result.exit_code == 1
    assert "good" in campaigns_of(stack)
    *refused, summary = result.output.splitlines()
    assert refused[0].startswith(f"{path}: campaign 2: bad: 422 ")
    assert refused[1] == f"{path}: campaign 3: has no name"
    assert refused[2] == f"{path}: campaign 4: has no name"
    assert refused[3].startswith(f"{path}: campaign 5: name must be ")
    assert summary == "campaigns: 1 written, 4 refused"


def test_replaces_all_campaigns_at_once(tmp_path: Path) -> None:
    """With --replace nothing but the given campaigns is left; a wrong list changes nothing."""
    with a_stack(tmp_path) as stack:
        good = written(tmp_path / "good.json", [a_json_campaign("one"), a_json_campaign("two")])
        result = seed(stack, "--replace", "--campaigns", good)
        assert (result.exit_code, result.output) == (0, "campaigns: 2 are now all there are\n")
        assert campaigns_of(stack) == {"one", "two"}
        bad = written(tmp_path / "bad.json", [a_json_campaign("three"), {"name": "no game"}])
        result = seed(stack, "--replace", "--campaigns", bad)
        assert result.exit_code == 1
        assert result.output.startswith("campaigns: 422 ")
        assert campaigns_of(stack) == {"one", "two"}


def test_imports_profiles_of_lines_and_lists(stack: Stack, tmp_path: Path) -> None:
    """NDJSON, a JSON list and a JSON object are all imported, and counted."""
    lines = written_lines(tmp_path / "lines.ndjson", [a_profile("l1"), a_profile("l2")])
    many = written(tmp_path / "many.json", [a_profile("m1"), a_profile("l1")])
    one = written(tmp_path / "one.json", a_profile("o1"))
    result = seed(stack, "--profiles", lines, "--profiles", many, "--profiles", one)
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        [
            f"{lines}: 2 profiles: 2 created, 0 replaced, 0 refused",
            f"{many}: 2 profiles: 1 created, 1 replaced, 0 refused",
            f"{one}: 1 profiles: 1 created, 0 replaced, 0 refused",
        ],
    )
    assert all(profile_of(stack, player).is_success for player in ("l1", "l2", "m1", "o1"))


def test_names_each_line_that_is_refused(stack: Stack, tmp_path: Path) -> None:
    """Wrong lines are told by number, the others are imported, and it exits with 1."""
    path = tmp_path / "mixed.ndjson"
    path.write_text('{"player_id": "p1"}\n{"player_id": 7}\n\nnonsense\n{"player_id": "p5"}')
    result = seed(stack, "--profiles", path)
    assert result.exit_code == 1
    first, second, summary = result.output.splitlines()
    assert first.startswith(f"{path}: profile 2: player_id")
    assert second.startswith(f"{path}: profile 4: is not valid JSON")
    assert summary == f"{path}: 4 profiles: 2 created, 0 replaced, 2 refused"
    assert profile_of(stack, "p5").is_success


def test_counts_the_refused_that_are_not_named(stack: Stack, tmp_path: Path) -> None:
    """Of very many wrong lines the first are named and the rest is counted."""
    path = written_lines(tmp_path / "wrong.ndjson", [{}] * 150)
    result = seed(stack, "--profiles", path)
    assert result.exit_code == 1
    assert f"{path}: and 50 more" in result.output.splitlines()


def test_streams_a_file_of_many_profiles(stack: Stack, tmp_path: Path) -> None:
    """A file of some megabytes goes through in one request."""
    lines = (a_profile(f"many-{number}", _filling="x" * 1000) for number in range(5000))
    path = written_lines(tmp_path / "many.ndjson", lines)
    result = seed(stack, "--profiles", path)
    assert (result.exit_code, result.output) == (
        0,
        f"{path}: 5000 profiles: 5000 created, 0 replaced, 0 refused\n",
    )


def test_streams_profiles_from_a_pipe(stack: Stack) -> None:
    """What has no length is sent as it comes."""
    lines = b"".join(b'{"player_id": "piped-%d"}\n' % number for number in range(5000))
    ended = subprocess.run(
        [COMMAND, "seed", "--profiles", "/dev/stdin", "--profiles-url", stack.profiles_url],
        env={"ADMIN_TOKEN": stack.token},
        input=lines,
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    assert (ended.returncode, ended.stderr, ended.stdout) == (
        0,
        b"",
        b"/dev/stdin: 5000 profiles: 5000 created, 0 replaced, 0 refused\n",
    )


@pytest.mark.parametrize("option", ["--campaigns", "--profiles"])
def test_shows_on_a_terminal_how_far_it_is(option: str, tmp_path: Path, stack: Stack) -> None:
    """Standard error counts where it is a terminal; the outcome goes to standard output."""
    thing = a_json_campaign("shown") if option == "--campaigns" else a_profile("shown")
    path = written_lines(tmp_path / "shown.ndjson", [thing])
    where = ["--campaigns-url", stack.campaigns_url, "--profiles-url", stack.profiles_url]
    terminal, end = pty.openpty()
    try:
        ended = subprocess.run(
            [COMMAND, "seed", option, path, *where],
            env={"ADMIN_TOKEN": stack.token, "TERM": "xterm", "COLUMNS": "80"},
            stdout=subprocess.PIPE,
            stderr=end,
            timeout=LIMIT,
            check=True,
        )
        shown = os.read(terminal, 65536).decode()
    finally:
        os.close(terminal)
        os.close(end)
    assert ("campaigns: 0 of 1" if option == "--campaigns" else f"{path}: 1 lines sent") in shown
    assert ended.stdout.decode().count("\n") == 1


def test_says_that_a_token_is_wrong(stack: Stack, tmp_path: Path) -> None:
    """Without a token that the services know nothing is written, and one line says why."""
    campaign = written(tmp_path / "one.json", a_json_campaign("not allowed"))
    profiles = written_lines(tmp_path / "many.ndjson", [a_profile("not-allowed")] * 20_000)
    for token in ("wrong", ""):
        result = seed(stack, "--campaigns", campaign, "--profiles", profiles, token=token)
        assert result.exit_code == 1
        assert result.output.count(": 401 ") == 2, result.output
    assert "not allowed" not in campaigns_of(stack)
    assert not profile_of(stack, "not-allowed").is_success


@pytest.mark.parametrize("kind", ["--campaigns", "--profiles"])
@pytest.mark.parametrize("text", ["[{", "[" * 500 + "]" * 500])
def test_says_that_a_file_is_no_json(stack: Stack, tmp_path: Path, kind: str, text: str) -> None:
    """A JSON file that is broken or nested beyond reason is one line with its name."""
    path = tmp_path / "broken.json"
    path.write_text(text)
    result = seed(stack, kind, path)
    assert result.exit_code == 1
    assert result.output.startswith(f"{path} is not JSON to be sent: ")


def test_says_that_a_service_is_away(tmp_path: Path) -> None:
    """A server that is not there is one line."""
    path = written(tmp_path / "one.json", a_json_campaign("one"))
    with listening("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    arguments = ["seed", "--campaigns", str(path), "--campaigns-url", url]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert result.output.startswith(f"{url} cannot be reached: ")
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("body", [PAGE, b"[]", b'{"name": 7}'])
@pytest.mark.parametrize("options", [["--campaigns"], ["--replace", "--campaigns"], ["--profiles"]])
def test_says_that_a_service_is_another(tmp_path: Path, body: bytes, options: list[str]) -> None:
    """What somebody else answers with success is not taken for written."""
    thing = a_profile("one") if options == ["--profiles"] else a_json_campaign("one")
    path = written(tmp_path / "one.json", thing)
    with a_foreign_server(ForeignServer(body=body)) as server:
        where = ["--campaigns-url", server.url, "--profiles-url", server.url]
        result = CliRunner().invoke(app, ["seed", *options, str(path), *where])
    assert result.exit_code == 1
    assert result.output == f"{server.url} is not a Profile Matcher service\n"


def seed_at_foreign_server(server: ForeignServer, *campaigns: Path) -> Result:
    """Send campaigns to somebody else's server."""
    files = [argument for path in campaigns for argument in ("--campaigns", str(path))]
    return CliRunner().invoke(app, ["seed", *files, "--campaigns-url", server.url])


@pytest.mark.parametrize("status", [401, 403])
def test_stops_at_a_token_that_may_not(tmp_path: Path, status: int) -> None:
    """One campaign tells as much about a token as all of them do."""
    path = written(tmp_path / "three.json", [a_json_campaign(name) for name in "abc"])
    server = ForeignServer(status=status, body=b'{"detail": "no"}')
    with a_foreign_server(server):
        result = seed_at_foreign_server(server, path)
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"{path}: campaign 1: a: {status} no; {TOKEN_HINT}",
        "campaigns: 0 written, 1 refused, 2 left",
    ]
    assert server.asked == ["PUT /campaigns/a"]


def test_says_how_far_it_came(tmp_path: Path) -> None:
    """When the service goes away midway, what is written by then is counted."""
    path = written(tmp_path / "four.json", [a_json_campaign(name) for name in "abcd"])
    server = ForeignServer(body=b'{"name": "", "game": ""}', answers=2)
    with a_foreign_server(server):
        result = seed_at_foreign_server(server, path)
    assert result.exit_code == 1
    summary, reason = result.output.splitlines()
    assert summary == "campaigns: 2 written, 0 refused, 2 left"
    assert reason.startswith(f"{server.url} cannot be reached: ")


@pytest.mark.parametrize("arguments", [[], ["--replace"], ["--campaigns", "missing.json"]])
def test_refuses_arguments_that_say_nothing_to_do(arguments: list[str]) -> None:
    """What can't be meant is refused with exit code 2 before anything is sent."""
    assert CliRunner().invoke(app, ["seed", *arguments]).exit_code == 2


def seed_at(url: str, *arguments: str | Path, given: str | bytes | None = None) -> Result:
    """Run the command in this process with both services at one address."""
    where = ["--campaigns-url", url, "--profiles-url", url]
    return CliRunner().invoke(app, ["seed", *where, *map(str, arguments)], input=given)


def test_asks_before_it_deletes_all_campaigns(tmp_path: Path) -> None:
    """--replace with no campaign names what it would delete, and deletes only with --yes."""
    empty = written(tmp_path / "none.json", [])
    with a_stack(tmp_path) as stack:
        before = campaigns_of(stack)
        result = seed(stack, "--replace", "--campaigns", empty)
        assert result.exit_code == 1
        assert f"this deletes all {len(before)} campaigns: " in result.output
        assert all(name in result.output for name in before)
        assert result.output.endswith("nothing was deleted: give --yes to go on\n")
        assert campaigns_of(stack) == before
        result = seed(stack, "--replace", "--yes", "--campaigns", empty)
        assert result.exit_code == 0, result.output
        assert f"this deletes all {len(before)} campaigns: " in result.output
        assert campaigns_of(stack) == set()


def test_deletes_all_campaigns_after_a_yes_at_the_prompt(tmp_path: Path) -> None:
    """On a terminal the question is asked; whatever is not yes leaves everything."""
    empty = written(tmp_path / "none.json", [])
    with a_stack(tmp_path) as stack:
        before = campaigns_of(stack)
        for typed, left in ((b"n\n", before), (b"y\n", set())):
            terminal, end = pty.openpty()
            where = ["--campaigns-url", stack.campaigns_url]
            os.write(terminal, typed)
            try:
                subprocess.run(
                    [COMMAND, "seed", "--replace", "--campaigns", empty, *where],
                    env={"ADMIN_TOKEN": stack.token},
                    stdin=end,
                    capture_output=True,
                    timeout=LIMIT,
                    check=False,
                )
            finally:
                os.close(terminal)
                os.close(end)
            assert campaigns_of(stack) == left


@pytest.mark.parametrize("kind", ["--campaigns", "--profiles"])
def test_says_where_a_token_is_taken_from(stack: Stack, tmp_path: Path, kind: str) -> None:
    """A refused token is told with the option and the variable that carry it."""
    thing = a_json_campaign("not allowed") if kind == "--campaigns" else a_profile("not-allowed")
    result = seed(stack, kind, written_lines(tmp_path / "one.ndjson", [thing]), token="wrong")
    assert result.exit_code == 1
    assert f"401 the token is not valid; {TOKEN_HINT}\n" in result.output


@pytest.mark.parametrize("path", ["", "/docs"])
@pytest.mark.parametrize("kind", ["--campaigns", "--profiles"])
def test_notices_a_wrong_address_once(stack: Stack, tmp_path: Path, kind: str, path: str) -> None:
    """The other service's address, or one with a path, is one line for all campaigns."""
    is_campaigns = kind == "--campaigns"
    things: list[Any] = [
        a_json_campaign(name) if is_campaigns else a_profile(name) for name in "ab"
    ]
    of_service = {True: stack.campaigns_url, False: stack.profiles_url}
    url = of_service[is_campaigns] + path if path else of_service[not is_campaigns]
    result = seed_at(url, kind, written_lines(tmp_path / "two.ndjson", things), "--token=x")
    assert result.exit_code == 1
    service = "campaign service" if is_campaigns else "profile service"
    assert result.output.startswith(f"{url} is not the address of the {service}: it answered 404 ")
    assert ("without a path" in result.output) == bool(path)
    assert result.output.count("\n") == 1


def test_takes_an_address_without_a_scheme(stack: Stack, tmp_path: Path) -> None:
    """HOST:PORT is taken for http://HOST:PORT."""
    path = written(tmp_path / "one.json", a_json_campaign("by host and port"))
    url = stack.campaigns_url.removeprefix("http://")
    result = seed_at(url, "--campaigns", path, "--token", stack.token)
    assert (result.exit_code, result.output) == (0, "campaigns: 1 written, 0 refused\n")


def test_reads_standard_input(stack: Stack) -> None:
    """`-` stands for standard input, for campaigns and for profiles."""
    token = ["--token", stack.token]
    campaign, profile = json.dumps(a_json_campaign("piped")), json.dumps(a_profile("piped"))
    result = seed_at(stack.campaigns_url, "--campaigns", "-", *token, given=f"[{campaign}]")
    assert (result.exit_code, result.output) == (0, "campaigns: 1 written, 0 refused\n")
    result = seed_at(stack.profiles_url, "--profiles", "-", *token, given=f"{profile}\n")
    assert (result.exit_code, result.output) == (
        0,
        "standard input: 1 profiles: 1 created, 0 replaced, 0 refused\n",
    )


def test_reads_standard_input_once() -> None:
    """`-` twice can't be meant."""
    result = seed_at("http://127.0.0.1:1", "--campaigns", "-", "--profiles", "-", given="[]")
    assert result.exit_code == 2


CAMPAIGN = b'{"name": "a", "game": "mygame"}'
PROFILE = b'{"player_id": "p"}'


@pytest.mark.parametrize(
    ("kind", "name", "content", "found"),
    [
        ("--campaigns", "x.json", CAMPAIGN.decode().encode("utf-16"), "is UTF-16: save it as"),
        ("--profiles", "x.ndjson", PROFILE.decode().encode("utf-16-le"), "is UTF-16: save it as"),
        ("--campaigns", "x.csv", b"name,game\na,mygame\n", "looks like CSV: "),
        ("--profiles", "x.csv", b"player_id;level\np;1\n", "looks like CSV: "),
        ("--campaigns", "x.json", b"", "is empty: "),
        ("--profiles", "x.json", b"\n", "is empty: "),
        ("--profiles", "x.ndjson", b"", "is empty: "),
        ("--campaigns", "x.json", b"[" + PROFILE + b"]", "holds profiles: "),
        ("--campaigns", "x.json", PROFILE + b"\n" + PROFILE, "holds profiles: "),
        ("--profiles", "x.json", CAMPAIGN, "holds campaigns: "),
        ("--profiles", "x.ndjson", CAMPAIGN + b"\n" + CAMPAIGN, "holds campaigns: "),
        ("--profiles", "x.txt", b"[" + PROFILE + b"]", "holds a JSON list: "),
        ("--profiles", "x.txt", b"[\n" + PROFILE + b"\n]", "holds a JSON list: "),
    ],
)
def test_says_what_a_file_holds(
    tmp_path: Path, kind: str, name: str, content: bytes, found: str
) -> None:
    """A file of another kind is one line: what was found, and what is wanted. Nothing is sent."""
    path = tmp_path / name
    path.write_bytes(content)
    server = ForeignServer()
    with a_foreign_server(server):
        result = seed_at(server.url, kind, path)
    assert result.exit_code == 1
    assert result.output.startswith(f"{path} {found}")
    assert result.output.count("\n") == 1
    assert server.asked == []


def test_overlooks_blank_lines_before_campaigns(stack: Stack, tmp_path: Path) -> None:
    """An NDJSON of campaigns may begin with blank lines."""
    path = tmp_path / "blank.ndjson"
    lines = [json.dumps(a_json_campaign(name)) for name in ("after 1", "after 2")]
    path.write_text("\n \n" + "\n".join(lines))
    result = seed(stack, "--campaigns", path)
    assert (result.exit_code, result.output) == (0, "campaigns: 2 written, 0 refused\n")


def test_says_how_far_an_import_came(tmp_path: Path) -> None:
    """An import that the service broke off is told with its counts and the line to go on from."""
    path = written_lines(tmp_path / "many.ndjson", [a_profile(f"p{n}") for n in range(9)])
    counts = {"received": 5, "created": 3, "replaced": 1, "failed": 1}
    errors = [{"line": 2, "detail": "is wrong"}]
    body = {"detail": "no space", "reached": 5, "errors": errors, **counts}
    with a_foreign_server(ForeignServer(status=503, body=json.dumps(body).encode())) as server:
        result = seed_at(server.url, "--profiles", path)
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"{path}: profile 2: is wrong",
        f"{path}: 5 profiles: 3 created, 1 replaced, 1 refused",
        f"{path}: 503 no space; go on after line 5",
    ]


def test_says_how_much_was_sent_to_a_server_that_died(tmp_path: Path) -> None:
    """Without an answer what was sent is told, and that it may be sent again."""
    path = written_lines(tmp_path / "many.ndjson", [a_profile(f"p{n}") for n in range(9)])
    with a_foreign_server(ForeignServer(answers=0)) as server:
        result = seed_at(server.url, "--profiles", path)
    assert result.exit_code == 1
    told, reason = result.output.splitlines()
    assert told == f"{path}: 9 lines were sent; some may be written, and all may be sent again"
    assert reason.startswith(f"{server.url} cannot be reached: ")


def test_says_how_much_was_sent_until_ctrl_c(stack: Stack, tmp_path: Path) -> None:
    """Ctrl-C during an import says how many lines were sent."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = [COMMAND, "seed", "--profiles", str(fifo), "--profiles-url", stack.profiles_url]
    process = subprocess.Popen(
        command, env={"ADMIN_TOKEN": stack.token}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    lines = b"".join(b'{"player_id": "slow-%d"}\n' % number for number in range(20_000))
    try:
        with fifo.open("wb") as pipe:
            pipe.write(lines)
            pipe.flush()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.wait(LIMIT)
    assert process.returncode == 130
    assert f"{fifo}: ".encode() in said
    assert b" lines were sent; some may be written" in said
    assert b"Traceback" not in said
