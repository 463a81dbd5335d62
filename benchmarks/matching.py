"""Matching: what it costs to evaluate all campaigns for one player."""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.contenders.all import CONTENDERS, GROWTHBOOK, INDEX, OTHERS, PLAIN_LOOP
from benchmarks.contenders.contender import Contender, Evaluate, NotInstalled
from benchmarks.report.quantiles import median
from benchmarks.report.results import Result, Table
from benchmarks.targeting import targeted_campaigns
from benchmarks.workload import MATCHES, campaigns, player
from contracts.campaign import Campaign

MIN_CALLS = 3
SIZES = (10, 100, 1_000, 10_000, 100_000)
LANGUAGE_SIZE = 1_000
LANGUAGE_ROUNDS = 5
PLAIN = f"{INDEX.name}, plain campaigns"
TARGETED = f"{INDEX.name}, the whole language"
LANGUAGE_LOOP = f"{PLAIN_LOOP.name}, the whole language"
LANGUAGE_OTHER = f"{GROWTHBOOK.name}, the whole language"


class Disagreement(Exception):
    """A contender names other campaigns than ours: nothing can be compared."""


@dataclass(frozen=True)
class Measured:
    """Seconds for one evaluation of all campaigns: the median of a contender's calls."""

    contender: str
    campaigns: int
    seconds: float


def run(sizes: Sequence[int] = SIZES, *, seconds: float = 2.0) -> Result:
    """Measure every contender at each size, for about `seconds` each.

    Raises:
        Disagreement: a contender does not name the player's campaigns.
    """
    measured: list[Measured] = []
    missing: dict[str, str] = {}
    for size in sizes:
        sample = list(campaigns(size))
        for contender in CONTENDERS:
            try:
                evaluate = agreeing(contender, sample)
            except NotInstalled as error:
                missing[contender.name] = str(error)
                continue
            measured.append(Measured(contender.name, size, _median_of_calls(evaluate, seconds)))
    language = _language(seconds, missing)
    return Result(
        benchmark="matching",
        options={"sizes": list(sizes), "seconds": seconds, "matches": MATCHES},
        tables=[_costs(sizes, measured), _ratios(sizes, measured), _language_table(language)],
        measured=[*measured, *language],
        notes=[f"{name}: {reason}" for name, reason in missing.items()],
    )


def _language(seconds: float, missing: dict[str, str]) -> list[Measured]:
    """Measure campaigns of the whole language beside plain ones, turn by turn.

    A machine that is busy with something else slows both down.
    """
    plain = list(campaigns(LANGUAGE_SIZE))
    targeted = list(targeted_campaigns(LANGUAGE_SIZE))
    found: dict[str, list[float]] = {}
    evaluations = {
        PLAIN: agreeing(INDEX, plain),
        TARGETED: agreeing(INDEX, targeted),
        LANGUAGE_LOOP: agreeing(PLAIN_LOOP, targeted),
    }
    try:
        evaluations[LANGUAGE_OTHER] = agreeing(GROWTHBOOK, targeted)
    except NotInstalled as error:
        missing[GROWTHBOOK.name] = str(error)
    for _ in range(LANGUAGE_ROUNDS):
        for name, evaluate in evaluations.items():
            cost = _median_of_calls(evaluate, seconds / LANGUAGE_ROUNDS)
            found.setdefault(name, []).append(cost)
    return [Measured(name, LANGUAGE_SIZE, median(costs)) for name, costs in found.items()]


def agreeing(contender: Contender, sample: Sequence[Campaign]) -> Evaluate:
    """Prepare a contender, and see that it finds the player's campaigns, no more and no less.

    Raises:
        Disagreement: it does not.
        NotInstalled: its package is missing.
    """
    evaluate = contender.prepare(sample, player())
    expected = sorted(PLAIN_LOOP.prepare(sample, player())())
    if (found := sorted(evaluate())) != expected:
        raise Disagreement(f"{contender.name} names {found[:20]}, expected {expected}")
    return evaluate


def _median_of_calls(evaluate: Evaluate, seconds: float) -> float:
    """Time calls for about `seconds`, in rounds of several where one is too short for a clock."""
    per_round = max(1, int(0.001 / _time(evaluate, 1)))
    gc.collect()
    rounds: list[float] = []
    until = time.perf_counter() + seconds
    while len(rounds) < MIN_CALLS or time.perf_counter() < until:
        rounds.append(_time(evaluate, per_round) / per_round)
    return median(rounds)


def _time(evaluate: Callable[[], object], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        evaluate()
    return time.perf_counter() - started


def _costs(sizes: Sequence[int], measured: Sequence[Measured]) -> Table:
    found = {(each.contender, each.campaigns): each.seconds * 1e6 for each in measured}
    return Table(
        key="matching",
        title="Microseconds to evaluate all campaigns for one player",
        columns=["", *(f"{size:,} campaigns" for size in sizes)],
        rows=[
            [contender.name, *(found.get((contender.name, size)) for size in sizes)]
            for contender in CONTENDERS
        ],
    )


def _language_table(measured: Sequence[Measured]) -> Table:
    plain = next(each.seconds for each in measured if each.contender == PLAIN)
    return Table(
        key="matching-language",
        title=f"The whole language: {LANGUAGE_SIZE:,} campaigns, of which half use more than "
        "level, has and does_not_have",
        columns=["", "microseconds", "times the plain ones"],
        rows=[[each.contender, each.seconds * 1e6, each.seconds / plain] for each in measured],
    )


def _ratios(sizes: Sequence[int], measured: Sequence[Measured]) -> Table:
    found = {(each.contender, each.campaigns): each.seconds for each in measured}

    def times(name: str, size: int) -> float | None:
        other = found.get((name, size))
        return other and other / found[INDEX.name, size]

    return Table(
        key="matching-ratios",
        title=f"How many times longer than {INDEX.name} the others take",
        columns=["", *(f"{size:,} campaigns" for size in sizes)],
        rows=[
            [contender.name, *(times(contender.name, size) for size in sizes)]
            for contender in (PLAIN_LOOP, *OTHERS)
        ],
    )
