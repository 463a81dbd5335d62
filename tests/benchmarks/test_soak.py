"""What the soak counts, draws and tells; the run itself is for `profile-matcher soak`."""

import random
import time
from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soak.changes import EVERY_SECONDS, Changes, lost_changes
from benchmarks.soak.faults import FAULTS, draw
from benchmarks.soak.findings import Fault, Findings
from benchmarks.soak.memory import Life, Memory
from testbed.admin_client import AdminClient
from testbed.servers import wait_until

LIMIT = 10.0
MIB = 1024 * 1024
FLAT = Life("profile service 1", 1, 0.0, first=80 * MIB, last=84 * MIB, settled=82 * MIB)
GROWN = Life("campaign service 1", 2, 0.0, first=80 * MIB, last=90 * MIB, settled=82 * MIB)
FINE = Findings(
    seconds=600.0,
    requests=60_000,
    excused=12,
    errors=0,
    over_bound=0,
    backwards=0,
    too_young=0,
    changes=1_200,
    changes_refused=1,
    changes_lost=0,
    worst_staleness=5.2,
    staleness_bound=10.0,
    faults=[
        Fault("MongoDB restarted", 1.0, 0.5),
        Fault("RabbitMQ killed", 20.0, 1.0),
        Fault("MongoDB restarted", 40.0, 2.5),
        Fault("MongoDB restarted", 60.0, 0.7),
    ],
    lives=[FLAT],
    broken=[],
)


@given(st.integers())
def test_a_seed_draws_the_same_faults(seed: int) -> None:
    """A run can be had again by its seed, and every kind comes as often as any other."""
    rounds = 3
    drawn = _drawn(seed, rounds * len(FAULTS))
    assert drawn == _drawn(seed, rounds * len(FAULTS))
    assert Counter(drawn) == dict.fromkeys(FAULTS, rounds)


def _drawn(seed: int, count: int) -> list[str]:
    return list(islice(draw(random.Random(seed)), count))  # noqa: S311 - no secret


def test_an_acknowledged_change_is_lost() -> None:
    """What the log does not have, or has as another change, is lost; what nobody saw is not."""
    acknowledged = {1: "change 1", 2: "change 2", 3: "change 3"}
    history: dict[int, dict[str, Any]] = {
        0: {"store_id": "first"},
        1: {"put": [{"game": "change 1"}]},
        2: {"put": [{"game": "somebody else's"}]},
        4: {"put": [{"game": "not acknowledged"}]},
    }
    assert lost_changes(acknowledged, history) == [2, 3]


class BusyClient(AdminClient):
    """An operator whose every second change no replica takes."""

    def __init__(self) -> None:
        super().__init__([])
        self.tried = 0

    def change(self, url: str | None = None, *, name: str = "news") -> int:
        del url, name
        self.tried += 1
        if self.tried % 2:
            raise TimeoutError
        return self.tried


def test_campaigns_change_all_the_time() -> None:
    """Changes go on when one is not taken, which is counted, and end with the block."""
    with BusyClient() as operator:
        with Changes(operator) as changes:
            assert changes.make() is None
            wait_until(lambda: operator.tried >= 3, LIMIT)
        tried = operator.tried
        assert changes.refused == (tried + 1) // 2
        time.sleep(2 * EVERY_SECONDS)
        assert operator.tried == tried


def test_memory_is_told_by_life() -> None:
    """Growth counts from a process's own first minute; the longest life stands for a service."""
    memory = Memory()
    for second, resident in ((0, 50), (59, 70), (61, 100), (200, 103)):
        memory.see("service", 1, resident, float(second))
    memory.see("service", 2, 60, 210.0)
    memory.see("service", 2, 66, 230.0)
    first, second_life = memory.lives
    assert (first.first, first.settled, first.last, first.seconds) == (50, 100, 103, 200.0)
    assert round(first.growth or 0.0, 6) == 3.0
    assert second_life.growth is None
    assert memory.longest() == [first]


def test_all_was_kept() -> None:
    """Where every promise held there is nothing to say; what was excused is no break."""
    assert FINE.unkept() == []


def test_each_promise_that_did_not_hold_is_named() -> None:
    """An error, a step back, a lie, a loss, a fault that stays, staleness or growth each show."""
    broken = {
        "3 requests failed": replace(FINE, errors=3),
        "1 answers came from an older revision": replace(FINE, backwards=1),
        "2 answers called an old revision fresh": replace(FINE, too_young=2),
        "1 acknowledged changes are lost": replace(FINE, changes_lost=1),
        "1 faults were not followed by the newest revision everywhere": replace(
            FINE, faults=[*FINE.faults, Fault("RabbitMQ killed", 90.0, None)]
        ),
        "staleness came to 12.0 s": replace(FINE, worst_staleness=12.0),
        "campaign service 1 grew by 9.8 % after its first minute": replace(
            FINE, lives=[FLAT, GROWN]
        ),
    }
    assert {line: found.unkept() for line, found in broken.items()} == {
        line: [line] for line in broken
    }


def test_tables() -> None:
    """Counts stand beside what they must be, faults by kind with median and worst, memory."""
    failed = Fault("exchange deleted", 90.0, None)
    seen, faults, memory = replace(FINE, faults=[*FINE.faults, failed]).tables()
    assert ["changes lost", 0, "0"] in seen.rows
    assert ["worst staleness s", 5.2, "< 10"] in seen.rows
    assert faults.rows == [
        ["MongoDB restarted", 3, 0.7, 2.5, 0],
        ["RabbitMQ killed", 1, 1.0, 1.0, 0],
        ["exchange deleted", 1, None, None, 1],
    ]
    assert "| profile service 1 | 0 | 80.0 | 82.0 | 84.0 | 2.44 |" in memory.to_markdown()
