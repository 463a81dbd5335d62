"""profile-matcher validate: what is wrong with campaigns in files, without a service."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from command_line.main import app
from tests.command_line.stacks import COMMAND

GOOD = {"game": "mygame", "name": "one", "matchers": {"level": {"min": 1}}}
ODD = {"game": "mygame", "name": "two"}
WRONG = {"game": "mygame", "name": "three", "enabled": "yes"}
ALL = "match every player [matches_everyone]"

PRETTY = """\
[
  {
    "game": "mygame",
    "name": "one",
    "matchers": {
      "where": {
        "level": {"gt": 5,
                  "lt": 3},
        "clan.rank": {
          "eq": 1
        }
      }
    }
  },
  {
    "game": "mygame",
    "prority": 1
  }
]
"""


def validate(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


def written(path: Path, content: Any) -> Path:
    """Write JSON into a file."""
    path.write_text(json.dumps(content))
    return path


def test_the_examples_are_right() -> None:
    """The campaigns that the README writes are valid."""
    result = validate("devstack/examples/campaigns.json")
    assert result.exit_code == 0
    assert "campaigns: 6, errors: 0, warnings: 1" in result.output


def test_the_example_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that it shows has the findings that it shows."""
    section = Path("README.md").read_text().partition("### Check before you write")[2]
    shown = section.partition("```json\n")[2].partition("```")[0]
    command, _, expected = (
        section.partition("```console\n$ ")[2].partition("\n```")[0].partition("\n")
    )
    monkeypatch.chdir(tmp_path)
    Path("offers.json").write_text(shown)
    result = validate(*command.split()[4:])
    assert command.split()[:4] == ["uv", "run", "profile-matcher", "validate"]
    assert (result.exit_code, result.stdout) == (1, expected + "\n")


def test_errors_and_warnings_have_their_lines(tmp_path: Path) -> None:
    """As other tools write them: file, line, what it is, and where in the campaign."""
    path = tmp_path / "campaigns.json"
    path.write_text(PRETTY)
    result = validate(path)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == (
        f"{path}:8: warning: matchers.where.level.lt: no player's level can match: gt and lt "
        "leave no value [matches_nobody]"
    )
    assert lines[1].startswith(f"{path}:9: warning: matchers.where.clan.rank: no profile has it")
    assert lines[2] == f"{path}:15: error: name: is required"
    assert lines[3].startswith(f"{path}:17: error: prority: is not known here; allowed: game, ")
    assert lines[4:] == ["campaigns: 2, errors: 2, warnings: 2"]


def test_one_object_per_line(tmp_path: Path) -> None:
    """Each line is a campaign; one that is no JSON does not hide the others."""
    path = tmp_path / "campaigns.ndjson"
    path.write_text(f'{json.dumps(GOOD)}\n\n{{"game": \n{json.dumps(WRONG)}\n')
    result = validate(path)
    assert result.exit_code == 1
    broken, wrong, total = result.stdout.splitlines()
    assert broken.startswith(f"{path}:3: error: is not valid JSON: ")
    assert wrong == f"{path}:4: error: enabled: must be true or false"
    assert total == "campaigns: 2, errors: 2, warnings: 0"


def test_a_key_that_is_there_twice(tmp_path: Path) -> None:
    """JSON takes the last one without a word: the warning names it."""
    path = tmp_path / "campaigns.json"
    path.write_text(
        '{"game": "mygame", "name": "one", "matchers": {"where": {\n'
        '"xp": {"gt": 1},\n"level": {"gt": 1},\n"xp": {"lt": 5}}}}'
    )
    assert validate(path).stdout.splitlines() == [
        f"{path}:4: warning: matchers.where.xp: is there twice: the last one counts [repeated_key]",
        "campaigns: 1, errors: 0, warnings: 1",
    ]


@pytest.mark.parametrize(
    ("content", "strict", "code"),
    [
        ([GOOD], False, 0),
        (GOOD, True, 0),
        ([GOOD, ODD], False, 0),
        ([GOOD, ODD], True, 1),
        ([GOOD, WRONG], False, 1),
    ],
)
def test_exit_codes(tmp_path: Path, content: Any, strict: bool, code: int) -> None:  # noqa: FBT001
    """0 for what is valid, 1 for errors, and for warnings where they are to fail."""
    path = written(tmp_path / "campaigns.json", content)
    assert validate(path, *(["--strict"] if strict else [])).exit_code == code


@pytest.mark.parametrize("arguments", [[], ["none.json"], ["."], ["-", "-"], ["-", "--strickt"]])
def test_usage(arguments: list[str]) -> None:
    """What cannot be read or understood is exit code 2."""
    assert validate(*arguments).exit_code == 2


def test_a_file_that_cannot_be_read() -> None:
    """Exit code 2, and a line that says so."""
    path = "/proc/self/mem"  # which root cannot read either, from its start
    result = validate(path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{path} cannot be read: Input/output error\n"


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", '{"player_id": "alice"}', "["])
def test_a_file_of_something_else(tmp_path: Path, content: str) -> None:
    """An error of that file; the others are still looked at."""
    path = tmp_path / "campaigns.json"
    path.write_text(content)
    result = validate(path, written(tmp_path / "more.json", WRONG))
    assert result.exit_code == 1
    first, second, _ = result.stdout.splitlines()
    assert first.startswith(f"{path}:1: error: ")
    assert second.endswith("more.json:1: error: enabled: must be true or false")


def test_campaigns_of_all_files_stand_beside_each_other(tmp_path: Path) -> None:
    """A name that is there twice is an error, one that looks the same a warning."""
    one = written(tmp_path / "one.json", [GOOD])
    two = written(tmp_path / "two.json", [GOOD, {**GOOD, "name": "ONE"}])
    result = validate(two, one)
    assert result.stdout.splitlines() == [
        f"{two}:1: warning: name: looks like another campaign's name: 'ONE' [similar_name]",
        f"{two}:1: warning: name: looks like another campaign's name: 'one' [similar_name]",
        f"{one}:1: error: name: is the name of an earlier campaign in the list",
        "campaigns: 3, errors: 1, warnings: 2",
    ]


def test_references_to_segments(tmp_path: Path) -> None:
    """Without a file of segments they are left alone; with one, unknown names are errors."""
    campaign = {**GOOD, "matchers": {"segment": {"any": ["whales", "wales"]}}}
    path = written(tmp_path / "campaigns.json", campaign)
    assert validate(path).exit_code == 0
    listed = [
        {"name": "whales", "matchers": {"segment": {"none": ["lost"]}}},
        {"name": "everyone", "matchers": {}},
        {"name": "broken", "matchers": {"level": 1}},
    ]
    segments = written(tmp_path / "segments.json", listed)
    result = validate(path, "--segments", segments)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{segments}:1: error: matchers.segment.none.0: there is no segment 'lost'",
        f"{segments}:1: warning: matchers: {ALL}",
        f"{segments}:1: error: matchers.level: must be a JSON object",
        f"{path}:1: error: matchers.segment.any.1: there is no segment 'wales'",
        "campaigns: 1, errors: 3, warnings: 1",
    ]


def test_segments_among_themselves(tmp_path: Path) -> None:
    """A name that is there twice, and one that leads back to itself, are errors."""
    path = written(tmp_path / "campaigns.json", GOOD)
    listed = [
        {"name": "a", "matchers": {"segment": {"all": ["b"]}}},
        {"name": "b", "matchers": {"any": [{"level": {"min": 1}}, {"segment": {"any": ["a"]}}]}},
        {"name": "c", "matchers": {"level": {"min": 1}}},
        {"name": "c", "matchers": {"level": {"min": 2}}},
    ]
    segments = tmp_path / "segments.ndjson"
    segments.write_text("".join(f"{json.dumps(each)}\n" for each in listed) + '{"name": }')
    assert validate(path, "--segments", segments).stdout.splitlines() == [
        (
            f"{segments}:1: error: matchers.segment.all.0: must not lead back to the segment "
            "itself: a -> b -> a"
        ),
        f"{segments}:4: error: name: is the name of an earlier segment",
        f"{segments}:5: error: is not valid JSON: unexpected character, expected a JSON value",
        "campaigns: 1, errors: 3, warnings: 0",
    ]


def test_json_for_other_programs(tmp_path: Path) -> None:
    """The same findings, and nothing else, as one JSON object."""
    path = written(tmp_path / "campaigns.json", [GOOD, ODD, WRONG])
    result = validate("--format", "json", path)
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "valid": False,
        "campaigns": 3,
        "errors": 1,
        "warnings": 1,
        "findings": [
            {
                "file": str(path),
                "line": 1,
                "level": "warning",
                "name": "two",
                "loc": ["matchers"],
                "msg": "match every player",
                "code": "matches_everyone",
            },
            {
                "file": str(path),
                "line": 1,
                "level": "error",
                "name": "three",
                "loc": ["enabled"],
                "msg": "must be true or false",
                "code": None,
            },
        ],
    }


def test_standard_input_to_what_only_knows_ascii() -> None:
    """A key with a line break stays on its line, and characters are escaped as needed."""
    ran = subprocess.run(
        [COMMAND, "validate", "-"],
        input=json.dumps({**GOOD, "f\u00eate\nfoo.json:1: error: x": 1}).encode(),
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 1
    first, total = ran.stdout.splitlines()
    assert first.startswith(
        b"standard input:1: error: f\\xeate\\nfoo.json:1: error: x: is not known"
    )
    assert total == b"campaigns: 1, errors: 1, warnings: 0"
