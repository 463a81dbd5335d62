"""Game clients that ask all the time, and tell what they were answered that they should not be."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from enum import Enum
from typing import Self

import httpx

from testbed.background import Background
from testbed.builders import PLAYER_ID

PAUSE = 0.05
ANSWER_LIMIT = 10.0  # how soon an answer must come is for each test to say
TOLERANCE = 1.5  # for an event to arrive on a busy machine


class Promise(Enum):
    """What an answer may break."""

    ANSWER = "there is an answer, and it is no error"
    FORWARD = "the revision never goes back"
    AGE = "the age is no lie"


class Client:
    """Asks one instance again and again, and notes each promise that an answer breaks.

    The age is no lie: a revision is not called the newest as of a moment when a newer one
    had been acknowledged for `tolerance` seconds.

    While `store_changes` revisions are not compared: they count in different logs.
    While `mongo_is_away` a 503 is right, if it comes with a Retry-After and within `patience`.
    While `instance_is_away` (the test has stopped it) no answer is required.
    """

    def __init__(self, url: str, acknowledged_at: Mapping[int, float]) -> None:
        self.url = url
        self.tolerance = TOLERANCE
        self._acknowledged_at = acknowledged_at
        self.answers: Counter[int] = Counter()
        self.faults: list[str] = []
        self.broken: Counter[Promise] = Counter()
        self.revision = -1
        self.age = 0.0
        self.stale = False
        self.active: list[str] = []
        self.oldest = 0.0
        self.slowest = 0.0
        self.store_changes = False
        self.mongo_is_away = False
        self.instance_is_away = False

    @property
    def asked(self) -> int:
        """How often it has asked."""
        return self.answers.total()

    @property
    def failed(self) -> int:
        """How many answers were none, or an error."""
        return sum(count for status, count in self.answers.items() if status != httpx.codes.OK)

    def forget(self) -> None:
        """Begin anew: with another instance at this address, or with another store."""
        self.revision = -1
        self.oldest = 0.0
        self.slowest = 0.0

    async def run(self) -> None:
        """Ask until cancelled."""
        # As in front of every server: a client lets go of an idle connection before it does.
        limits = httpx.Limits(keepalive_expiry=1.0)
        async with httpx.AsyncClient(
            base_url=self.url, timeout=ANSWER_LIMIT, limits=limits, trust_env=False
        ) as http:
            while True:
                await self._ask(http)
                await asyncio.sleep(PAUSE)

    async def _ask(self, http: httpx.AsyncClient) -> None:
        started = time.monotonic()
        excused = self.instance_is_away, self.mongo_is_away
        try:
            answer = await http.get(f"/get_client_config/{PLAYER_ID}")
        except httpx.HTTPError as error:
            self.answers[0] += 1
            if not (excused[0] or self.instance_is_away):
                self._note(Promise.ANSWER, f"no answer: {type(error).__name__}")
            return
        self.answers[answer.status_code] += 1
        self.slowest = max(self.slowest, time.monotonic() - started)
        if answer.status_code == httpx.codes.OK:
            self._take(answer, started)
        elif not (any(excused) or self.mongo_is_away) or "retry-after" not in answer.headers:
            self._note(Promise.ANSWER, f"{answer.status_code} {answer.text}")

    def _take(self, answer: httpx.Response, started: float) -> None:
        revision = int(answer.headers["x-campaigns-revision"])
        if revision < self.revision and not self.store_changes:
            self._note(Promise.FORWARD, f"revision {revision} after {self.revision}")
        self.revision = revision
        self.age = float(answer.headers["x-campaigns-age"])
        self.oldest = max(self.oldest, self.age)
        newer_since = self._acknowledged_at.get(revision + 1, float("inf"))
        if started - self.age > newer_since + self.tolerance and not self.store_changes:
            self._note(Promise.AGE, f"revision {revision} is said to be {self.age} s old")
        self.stale = "x-campaigns-stale" in answer.headers
        self.active = answer.json()["active_campaigns"]

    def _note(self, promise: Promise, said: str) -> None:
        self.broken[promise] += 1
        self.faults.append(said)


class Asking:
    """Runs clients while the block lasts; none of them may have met a fault at its end."""

    def __init__(self, background: Background, clients: list[Client]) -> None:
        self._background = background
        self._clients = clients
        self._tasks: list[asyncio.Task[None]] = []

    def __enter__(self) -> Self:
        self._background.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._background.run(self._stop())

    async def _start(self) -> None:
        self._tasks = [asyncio.create_task(client.run()) for client in self._clients]

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
