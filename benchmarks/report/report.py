"""Puts results into the document: each table between its two comments, and the curves beside.

<!-- table: matching -->
<!-- end -->
"""

import re
from pathlib import Path

import orjson

from benchmarks.report.curves import draw
from benchmarks.report.results import tables_in

_PLACE = "<!-- {kind}: {key} -->"
_END = "<!-- end -->"


class NoSuchPlace(Exception):
    """The document has no place for a table."""


def report(results: Path, document: Path) -> None:
    """Replace the tables of the document by those of the results, and draw their curves.

    What the folder has no result of stays as it is.

    Raises:
        NoSuchPlace: there is a table that the document does not have.
        ImportError: what draws is not installed.
    """
    text = document.read_text()
    for path in sorted(results.glob("*.json")):
        for table in tables_in(path):
            text = put(text, "table", table.key, table.to_markdown())
        text = put(text, "machine", path.stem, _machine(path))
        draw(path)
    document.write_text(text)


def put(text: str, kind: str, key: str, content: str) -> str:
    """Replace what stands between a place's comment and the end's.

    Raises:
        NoSuchPlace: the text has no such place.
    """
    begin = _PLACE.format(kind=kind, key=key)
    place = re.compile(f"({re.escape(begin)}\n).*?({re.escape(_END)})", re.DOTALL)
    replaced, count = place.subn(lambda found: f"{found[1]}{content}\n{found[2]}", text)
    if not count:
        raise NoSuchPlace(f"the document has no place for {key}: {begin}")
    return replaced


def _machine(path: Path) -> str:
    result = orjson.loads(path.read_bytes())
    machine = result["machine"]
    lines = [f"Measured on {result['ended_at'][:10]}: {machine['processor']}, {machine['memory']}"]
    lines[0] += f", {machine['system']}, Python {machine['python']}."
    return "  \n".join([*lines, *result["notes"]])
