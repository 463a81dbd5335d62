"""What a soak saw: its tables, and the promises that did not hold."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report.quantiles import median
from benchmarks.report.results import Cell, Table
from benchmarks.soak.memory import Life

MEBIBYTE = 1024 * 1024
MAX_GROWTH = 5.0


@dataclass(frozen=True)
class Fault:
    """A fault that happened; `converged` are seconds after it, None when that took too long."""

    kind: str
    at: float
    converged: float | None


@dataclass(frozen=True)
class Findings:
    """What was counted, in answers and in seconds.

    `excused` requests failed while MongoDB or the instance that was asked was away; `errors`
    are all others that failed. `backwards` answers came from an older revision than one
    before, `too_young` ones called a revision newer than it was.
    """

    seconds: float
    requests: int
    excused: int
    errors: int
    over_bound: int
    backwards: int
    too_young: int
    changes: int
    changes_refused: int
    changes_lost: int
    worst_staleness: float
    staleness_bound: float
    faults: Sequence[Fault]
    lives: Sequence[Life]
    broken: Sequence[str]

    def tables(self) -> list[Table]:
        """Return what was seen, the faults, and the memory."""
        return [self._seen(), self._faults(), self._memory()]

    def unkept(self) -> list[str]:
        """Return the promises that did not hold, in one line each."""
        late = sum(fault.converged is None for fault in self.faults)
        growth = [life for life in self.lives if (life.growth or 0.0) >= MAX_GROWTH]
        counted = {
            f"{self.errors} requests failed": self.errors,
            f"{self.backwards} answers came from an older revision": self.backwards,
            f"{self.too_young} answers called an old revision fresh": self.too_young,
            f"{self.changes_lost} acknowledged changes are lost": self.changes_lost,
            f"{late} faults were not followed by the newest revision everywhere": late,
            f"staleness came to {self.worst_staleness:.1f} s": (
                self.worst_staleness >= self.staleness_bound
            ),
        }
        return [
            *(line for line, count in counted.items() if count),
            *(f"{life.name} grew by {life.growth:.1f} % after its first minute" for life in growth),
        ]

    def _seen(self) -> Table:
        rows: list[Sequence[Cell]] = [
            ["seconds", self.seconds, ""],
            ["requests", self.requests, ""],
            ["failed while MongoDB or the instance was away", self.excused, ""],
            ["failed otherwise", self.errors, "0"],
            ["503 by the bound on waiting requests", self.over_bound, ""],
            ["changes acknowledged", self.changes, ""],
            ["changes that no replica took in time", self.changes_refused, ""],
            ["changes lost", self.changes_lost, "0"],
            ["revisions that went backwards", self.backwards, "0"],
            ["answers that called an old revision fresh", self.too_young, "0"],
            ["worst staleness s", self.worst_staleness, f"< {self.staleness_bound:.0f}"],
            ["faults", len(self.faults), ""],
        ]
        return Table(key="soak", title="Soak", columns=["", "seen", "must be"], rows=rows)

    def _faults(self) -> Table:
        by_kind: dict[str, list[float | None]] = defaultdict(list)
        for fault in self.faults:
            by_kind[fault.kind].append(fault.converged)
        rows: list[Sequence[Cell]] = []
        for kind, converged in sorted(by_kind.items()):
            known = [seconds for seconds in converged if seconds is not None]
            middle, worst = (median(known), max(known)) if known else (None, None)
            rows.append([kind, len(converged), middle, worst, len(converged) - len(known)])
        columns = ["fault", "times", "converged after s, median", "worst", "not converged"]
        return Table(key="soak-faults", title="Faults", columns=columns, rows=rows)

    def _memory(self) -> Table:
        rows: list[Sequence[Cell]] = [
            [
                life.name,
                round(life.seconds),
                life.first / MEBIBYTE,
                life.settled and life.settled / MEBIBYTE,
                life.last / MEBIBYTE,
                life.growth,
            ]
            for life in self.lives
        ]
        columns = ["process", "seconds", "RSS at start MiB", "after 1 minute", "at end"]
        return Table(
            key="soak-memory",
            title=f"Memory of each process; growth must be under {MAX_GROWTH:.0f} %",
            columns=[*columns, "growth after 1 minute %"],
            rows=rows,
        )
