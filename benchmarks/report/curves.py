"""The curves of results, as SVG beside them."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.report.results import Table, tables_in

_WIDTH, _HEIGHT = 7.0, 4.0


def draw(path: Path) -> None:
    """Draw the curves of a result, where it has any.

    Raises:
        ImportError: matplotlib is missing.
    """
    for table in tables_in(path):
        if table.key in _CURVES:
            _CURVES[table.key](table, path.with_name(f"{table.key}.svg"))


def _matching(table: Table, path: Path) -> None:
    sizes = [_number(column) for column in table.columns[1:]]
    curves = {str(row[0]): list(zip(sizes, row[1:], strict=True)) for row in table.rows}
    _plot(curves, path, title=table.title, x="campaigns", y="µs a player", log_y=True)


def _http(y: str) -> Callable[[Table, Path], None]:
    def plot(table: Table, path: Path) -> None:
        by, figure = table.columns[1], table.columns.index(y)
        curves: dict[str, list[Any]] = {}
        for row in table.rows:
            curves.setdefault(str(row[0]), []).append((row[1], row[figure]))
        _plot(curves, path, title=table.title, x=by, y=y, log_y=False)

    return plot


def _propagation(table: Table, path: Path) -> None:
    curves: dict[str, list[Any]] = {}
    for instances, campaigns, median, _, bare, *_ in table.rows:
        curves.setdefault(f"{campaigns:,} campaigns", []).append((int(instances or 0), median))
        curves.setdefault(f"{campaigns:,}, bare consumers", []).append((int(instances or 0), bare))
    _plot(curves, path, title=table.title, x="instances", y="p50 ms", log_y=True)


_CURVES: dict[str, Callable[[Table, Path], None]] = {
    "matching": _matching,
    "http": _http("req/s"),
    "http-campaigns": _http("req/s"),
    "propagation": _propagation,
}


def _plot(
    curves: dict[str, list[Any]], path: Path, *, title: str, x: str, y: str, log_y: bool
) -> None:
    matplotlib = import_module("matplotlib")
    matplotlib.use("svg")
    # The same figures give the same file, whenever it is drawn.
    matplotlib.rcParams["svg.hashsalt"] = path.stem
    figure, axes = import_module("matplotlib.pyplot").subplots(figsize=(_WIDTH, _HEIGHT))
    for name, points in curves.items():
        known = [point for point in points if point[1] is not None]
        axes.plot(*zip(*known, strict=True), marker="o", label=name)
    axes.set(title=title, xlabel=x, ylabel=y, xscale="log")
    if log_y:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    ticks = sorted({point[0] for points in curves.values() for point in points})
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    import_module("matplotlib.pyplot").close(figure)


def _number(column: str) -> int:
    return int(column.partition(" ")[0].replace(",", ""))
