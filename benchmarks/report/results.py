"""What a benchmark found: tables for people, on a terminal and in a document, and JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.report.machine import describe_machine

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Rows under columns; `key` is what a document calls it by. A cell of None was not measured."""

    key: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def to_markdown(self) -> str:
        """Write it as Markdown: numbers to the right."""
        lines = [self.columns, ["---" if n == 0 else "--:" for n in range(len(self.columns))]]
        lines += [[show(cell) for cell in row] for row in self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def to_rich(self) -> RichTable:
        """Write it for a terminal."""
        table = RichTable(title=self.title, title_justify="left")
        for number, column in enumerate(self.columns):
            justify: Literal["left", "right"] = "right" if number else "left"
            table.add_column(column, justify=justify, no_wrap=not number, overflow="fold")
        for row in self.rows:
            table.add_row(*map(show, row))
        return table


@dataclass(frozen=True)
class Result:
    """A finished benchmark. `measured` holds every single measurement, for a later analysis."""

    benchmark: str
    options: dict[str, Any]
    tables: Sequence[Table]
    measured: Any
    notes: Sequence[str] = ()
    machine: dict[str, str] = field(default_factory=describe_machine)
    ended_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def show(self) -> None:
        """Print the tables."""
        console = Console()
        for table in self.tables:
            console.print(table.to_rich())
        for note in self.notes:
            console.print(note, highlight=False)

    def write(self, folder: Path) -> Path:
        """Write it as JSON, over the last one of the same benchmark; give the file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.benchmark}.json"
        path.write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2) + b"\n")
        return path


def tables_in(path: Path) -> list[Table]:
    """Read the tables of a result that was written."""
    return [Table(**table) for table in orjson.loads(path.read_bytes())["tables"]]


def show(cell: Cell) -> str:
    """Write a cell: numbers with three digits that count, at least."""
    if cell is None:
        return "-"
    if not isinstance(cell, float):
        return f"{cell:,}" if isinstance(cell, int) else cell
    if cell == 0 or abs(cell) >= 100:
        return f"{cell:,.0f}"
    return f"{cell:.1f}" if abs(cell) >= 10 else f"{cell:.2f}"
