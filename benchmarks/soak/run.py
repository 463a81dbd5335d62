"""A run of the soak: faults one after the other, each followed by a wait until all is well."""

import random
import time
from collections import Counter
from datetime import UTC, datetime

from benchmarks.report.results import Result
from benchmarks.soak.changes import Changes, lost_changes
from benchmarks.soak.deployment import SoakDeployment, running
from benchmarks.soak.faults import FAULTS, draw
from benchmarks.soak.findings import Fault, Findings
from benchmarks.soak.memory import Memory
from testbed.deployment import LOOK_EVERY, STALENESS_BOUND
from testbed.game_client import Promise

PAUSE_SECONDS = (2.0, 6.0)
CONVERGE_LIMIT = 30.0
# None begins that could not be seen to its end.
LAST_FAULT_SECONDS = 20.0
KEPT_LINES = 100
NOTE = (
    "Seed {seed}. A fault's seconds go from its end to the moment when all instances answer "
    "from a change that was made after it."
)


def run(*, minutes: float, seed: int) -> tuple[Result, list[str]]:
    """Soak for so long; give what was found, and the promises that did not hold."""
    print(f"seed {seed}: {minutes:g} minutes", flush=True)
    with running() as deployment:
        findings = Soak(deployment, random.Random(seed)).run(minutes * 60)
    result = Result(
        benchmark="soak",
        options={"minutes": minutes, "seed": seed},
        tables=findings.tables(),
        measured=findings,
        notes=[NOTE.format(seed=seed), *findings.broken],
    )
    return result, findings.unkept()


class Soak:
    """Breaks a deployment and keeps count."""

    def __init__(self, deployment: SoakDeployment, chance: random.Random) -> None:
        self._stage = deployment
        self._chance = chance
        self._memory = Memory()
        self._changes = Changes(deployment.operator)
        self._faults: list[Fault] = []
        self._broken: list[str] = []

    def run(self, seconds: float) -> Findings:
        """Break one thing after the other for so long."""
        began = time.monotonic()
        ends = began + seconds
        with self._changes:
            watching = self._stage.background.start(self._memory.watch(self._stage.services))
            for kind in draw(self._chance):
                time.sleep(min(self._chance.uniform(*PAUSE_SECONDS), _until(ends)))
                if _until(ends) < LAST_FAULT_SECONDS:
                    break
                self._break(kind, at=time.monotonic() - began)
            time.sleep(_until(ends))
            self._tell_faults()
            if watching.done():
                watching.result()  # it never ends but by an error
        return self._findings(time.monotonic() - began)

    def _break(self, kind: str, at: float) -> None:
        FAULTS[kind](self._stage, self._chance)
        converged = self._converge()
        self._stage.excuse_nobody()
        self._faults.append(Fault(kind, at, converged))
        said = "NOT CONVERGED" if converged is None else f"converged after {converged:.2f} s"
        print(f"{datetime.now(UTC):%H:%M:%S}  {kind}: {said}", flush=True)
        self._tell_faults()

    def _converge(self) -> float | None:
        """Return the seconds until all instances answer from a change that is made from now on."""
        began = time.monotonic()
        revision = self._changes.make()
        while revision is None or not self._stage.is_at(revision):
            if time.monotonic() > began + CONVERGE_LIMIT:
                return None
            time.sleep(LOOK_EVERY)
            if revision is None:
                revision = self._changes.make()
        return time.monotonic() - began

    def _tell_faults(self) -> None:
        """Print what clients were answered that they should not be."""
        for instance in self._stage.instances:
            for client in instance.clients:
                lines = [f"{instance.process.name}: {fault}" for fault in client.faults]
                client.faults.clear()
                self._broken += lines[: KEPT_LINES - len(self._broken)]
                for line in lines:
                    print(f"          {line}", flush=True)

    def _findings(self, seconds: float) -> Findings:
        deployment, clients = self._stage, self._stage.clients
        broken = sum((client.broken for client in clients), Counter[Promise]())
        history = deployment.operator.history(deployment.campaigns[0].url)
        return Findings(
            seconds=seconds,
            requests=sum(client.asked for client in clients),
            excused=sum(client.failed for client in clients) - broken[Promise.ANSWER],
            errors=broken[Promise.ANSWER],
            over_bound=round(sum(instance.refused for instance in deployment.instances)),
            backwards=broken[Promise.FORWARD],
            too_young=broken[Promise.AGE],
            changes=len(deployment.operator.acknowledged),
            changes_refused=self._changes.refused,
            changes_lost=len(lost_changes(deployment.operator.acknowledged, history)),
            worst_staleness=max(client.oldest for client in clients),
            staleness_bound=STALENESS_BOUND,
            faults=self._faults,
            lives=self._memory.longest(),
            broken=self._broken,
        )


def _until(moment: float) -> float:
    return max(0.0, moment - time.monotonic())
