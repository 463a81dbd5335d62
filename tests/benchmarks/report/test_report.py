"""Results come into the document, and nothing else of it changes."""

from pathlib import Path

import pytest

from benchmarks.report.curves import draw
from benchmarks.report.report import NoSuchPlace, put
from benchmarks.report.results import Result, Table

TEXT = """# Performance
<!-- table: one -->
old
<!-- end -->
between
<!-- table: two -->
<!-- end -->
"""


def test_replaces_what_stands_in_its_place() -> None:
    """The old table goes, its neighbours stay, and once more changes nothing."""
    new = put(TEXT, "table", "one", "new")
    assert new == TEXT.replace("old", "new")
    assert put(new, "table", "one", "new") == new


def test_a_table_without_a_place_is_an_error() -> None:
    """No result is left out in silence."""
    with pytest.raises(NoSuchPlace, match="<!-- table: three -->"):
        put(TEXT, "table", "three", "new")


def test_every_table_has_its_place_in_the_document() -> None:
    """docs/performance.md has a place for what each benchmark finds."""
    text = (Path(__file__).parents[3] / "docs" / "performance.md").read_text()
    keys = ("http", "http-campaigns", "http-existing", "capacity", "matching", "matching-ratios")
    for key in (*keys, "propagation", "memory", "swap", "preview"):
        put(text, "table", key, "")
    for benchmark in ("http", "matching", "propagation", "memory", "swap", "preview"):
        put(text, "machine", benchmark, "")


def test_draws_the_same_curves_of_the_same_figures(tmp_path: Path) -> None:
    """A picture changes when figures change, and only then."""
    pytest.importorskip("matplotlib", reason="uv sync --group bench")
    table = Table(
        "matching", "Costs", ["", "10 campaigns", "1,000 campaigns"], [["ours", 1.0, None]]
    )
    path = Result(benchmark="matching", options={}, tables=[table], measured=[]).write(tmp_path)
    draw(path)
    picture = tmp_path / "matching.svg"
    first = picture.read_bytes()
    draw(path)
    assert picture.read_bytes() == first
    assert b"<svg" in first
