"""What benchmarks write down."""

from pathlib import Path

import pytest

from benchmarks.report.results import Cell, Result, Table, show, tables_in

TABLE = Table(
    key="costs",
    title="Costs",
    columns=["", "10", "100"],
    rows=[["ours", 4.83, 6], ["none", None, 1]],
)


def test_a_written_result_gives_its_tables_back(tmp_path: Path) -> None:
    """The document is made of the same tables that were shown."""
    result = Result(benchmark="costs", options={}, tables=[TABLE], measured=[])
    path = result.write(tmp_path / "results")
    assert path.name == "costs.json"
    assert [table.to_markdown() for table in tables_in(path)] == [TABLE.to_markdown()]


def test_markdown() -> None:
    """A table is Markdown with numbers to the right; what was not measured is a dash."""
    assert TABLE.to_markdown().splitlines() == [
        "|  | 10 | 100 |",
        "| --- | --: | --: |",
        "| ours | 4.83 | 6 |",
        "| none | - | 1 |",
    ]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (0.1234, "0.12"),
        (12.34, "12.3"),
        (1234.5, "1,234"),
        (10_000, "10,000"),
        ("a", "a"),
        (0.0, "0"),
    ],
)
def test_shows_no_more_digits_than_were_measured(cell: Cell, shown: str) -> None:
    """Cells have about three digits."""
    assert show(cell) == shown


def test_is_shown_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A result prints its tables and its notes."""
    Result(benchmark="costs", options={}, tables=[TABLE], measured=[], notes=["missing: x"]).show()
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("Costs", "ours", "4.83", "missing: x"))
