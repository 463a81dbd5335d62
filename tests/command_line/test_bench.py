"""profile-matcher bench: the measuring itself is tested beside the benchmarks."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from command_line.main import app
from tests.command_line.stacks import COMMAND

LIMIT = 60.0


@pytest.fixture
def without_wrk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that has no wrk."""
    monkeypatch.setenv("PATH", str(tmp_path))


def test_lists_what_can_be_measured() -> None:
    """--help names every benchmark."""
    result = CliRunner().invoke(app, ["bench", "--help"])
    assert result.exit_code == 0
    names = ("http", "matching", "propagation", "memory", "swap", "report")
    assert all(name in result.output for name in names)


@pytest.mark.usefixtures("without_wrk")
@pytest.mark.parametrize("benchmark", ["http", "swap"])
def test_says_how_to_get_wrk(benchmark: str) -> None:
    """Where load is needed and there is no wrk, one line says so."""
    result = CliRunner().invoke(app, ["bench", benchmark])
    assert result.exit_code == 1
    assert "apt-get install wrk" in result.output


@pytest.mark.parametrize("command", [["bench", "matching"], ["soak"]])
def test_needs_a_checkout(monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    """An installed command, without the benchmarks beside it, says where they are."""
    monkeypatch.setitem(sys.modules, "benchmarks", None)  # how Python marks what is not there
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "in a checkout" in result.output


def a_result(folder: Path, name: str) -> tuple[Path, Path]:
    """Return a folder with one result, and a document with places for it."""
    results = folder / "results"
    results.mkdir()
    table = {"key": name, "title": name, "columns": ["", "10"], "rows": [["x", 1]]}
    result = {
        "benchmark": name,
        "tables": [table],
        "notes": [],
        "ended_at": "2026-01-01T00:00:00Z",
        "machine": {"processor": "2 x one", "memory": "4 GiB", "system": "Linux", "python": "3"},
    }
    (results / f"{name}.json").write_bytes(orjson.dumps(result))
    document = folder / "performance.md"
    places = [f"<!-- {kind}: {name} -->\n<!-- end -->\n" for kind in ("table", "machine")]
    document.write_text("".join(places))
    return results, document


def test_reports_into_a_document(tmp_path: Path) -> None:
    """`report` without a place for a table says which comment is missing."""
    results, document = a_result(tmp_path, "memory")
    with_places = document.read_text()
    document.write_text("# Performance\n")
    told = ["bench", "report", "--results", str(results), "--document", str(document)]
    ended = CliRunner().invoke(app, told)
    assert ended.exit_code == 1
    assert "<!-- table: memory -->" in ended.output
    document.write_text(with_places)
    ended = CliRunner().invoke(app, told)
    assert ended.exit_code == 0
    assert "| x | 1 |" in document.read_text()


def test_says_how_to_install_what_draws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the group of `report`, one line says how to install it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # how Python marks what is not there
    results, document = a_result(tmp_path, "matching")
    told = ["bench", "report", "--results", str(results), "--document", str(document)]
    ended = CliRunner().invoke(app, told)
    assert ended.exit_code == 1
    assert ended.output == "the curves need the group bench: run `uv sync --group bench`\n"


def test_writes_what_it_found(tmp_path: Path) -> None:
    """--output leaves the result as JSON, and the terminal shows the tables."""
    ended = subprocess.run(
        [COMMAND, "bench", "matching", "--campaigns", "10", "--seconds", "0", "--output", tmp_path],
        capture_output=True,
        timeout=LIMIT,
        check=True,
    )
    assert b"Profile Matcher" in ended.stdout
    assert orjson.loads((tmp_path / "matching.json").read_bytes())["benchmark"] == "matching"
