"""What is measured during a fault, and the table of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

import pytest

FIGURE = "fault"


@dataclass(frozen=True)
class Figure:
    """Of one run: the seconds to converge after the fault (if measured), and what clients saw."""

    converged: list[float]
    asked: int
    failed: int


def figures_of(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return the lines of a Markdown table of all runs, one line for each fault."""
    runs: dict[str, list[Figure]] = defaultdict(list)
    for name, figure in _figures(reports):
        runs[name].append(figure)
    if not runs:
        return []
    head = "| fault | runs | converged after, median | worst | requests | failed |"
    return [head, "|---|---|---|---|---|---|", *(_line(name, runs[name]) for name in runs)]


def _figures(reports: Iterable[pytest.TestReport]) -> Iterator[tuple[str, Figure]]:
    for report in reports:
        for kind, value in getattr(report, "user_properties", ()):
            if kind == FIGURE and isinstance(value, dict):
                yield _name(report.nodeid), Figure(**value)


def _name(nodeid: str) -> str:
    """Return the name of a fault for people, whichever run of it this was."""
    name, _, parameters = nodeid.rpartition("::")[2].removeprefix("test_").partition("[")
    kinds = [each for each in parameters.rstrip("]").split("-") if each and not each.isdecimal()]
    return ": ".join([name.replace("_", " "), *kinds])


def _line(name: str, runs: list[Figure]) -> str:
    seconds = [second for figure in runs for second in figure.converged]
    converged = [f"{median(seconds):.2f} s", f"{max(seconds):.2f} s"] if seconds else ["", ""]
    asked, failed = sum(run.asked for run in runs), sum(run.failed for run in runs)
    return "| " + " | ".join([name, str(len(runs)), *converged, str(asked), str(failed)]) + " |"
