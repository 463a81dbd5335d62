"""ProfileLoader: profiles by id, asked for together while an earlier query is on its way."""

import asyncio
from collections.abc import Collection, Mapping
from itertools import islice
from typing import NamedTuple

from profile_service.profiles.repository import (
    ProfileDocument,
    ProfileRepository,
    ProfilesClosed,
    ProfilesRefused,
    ProfilesUnavailable,
    ProfileUnreadable,
)

MAX_WAITING = 10_000
MAX_BATCH = 256
MAX_QUERIES = 2
MAX_UNREADABLE = 1000
SECOND_QUERY_IDS = 32
SECOND_QUERY_SECONDS = 0.005
# So that an answer is out within 2 s of its request's arrival.
WAIT_SECONDS = 1.9
QUERY_SECONDS = 2.0

_LATE = ProfilesUnavailable("no answer yet")

Waiter = asyncio.Future[ProfileDocument | None]
Batch = Mapping[str, list[Waiter]]


class Gathered(NamedTuple):
    """The requests for a profile that no query on its way will bring, and the oldest's time."""

    since: float
    waiters: list[Waiter]


class ProfileLoader:
    """Loads profiles in batches, without making any wait for others.

    A query leaves at once when none is on its way. Ids that come meanwhile are gathered
    for the next, also those that are being asked for: so every request sees what was written
    before it came. A second query leaves beside the first only when many requests wait, or one
    does for long. `waiting` counts the requests that wait now; `refused` counts those rejected
    because MAX_WAITING was reached.
    """

    def __init__(self, profiles: ProfileRepository) -> None:
        self.waiting = 0
        self.refused = 0
        self._profiles = profiles
        self._gathered: dict[str, Gathered] = {}
        # The queries on their way, and the timer that ends each when it takes too long.
        self._queries: dict[asyncio.Task[None], asyncio.TimerHandle] = {}
        # Players whose profiles could not be decoded when they were last asked for.
        self._unreadable: set[str] = set()
        self._is_leaving = False
        self._look_again: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def load(self, player_id: str) -> ProfileDocument | None:
        """Return the stored profile, or None when there is none. It is shared: don't change it.

        Raises:
            ProfilesUnavailable: it did not come within 1.9 s.
            ProfilesRefused: 10,000 requests wait already.
            ProfilesClosed: the service is stopping.
            ProfileUnreadable: what is stored cannot be decoded.
        """
        if self._is_closed:
            raise ProfilesClosed("the service is stopping")
        if self.waiting >= MAX_WAITING:
            self.refused += 1
            raise ProfilesRefused("too many requests wait for profiles")
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        gathered = self._gathered.get(player_id)
        if gathered is None:
            self._gathered[player_id] = Gathered(loop.time(), [waiter])
        else:
            gathered.waiters.append(waiter)
        limit = loop.call_later(WAIT_SECONDS, _fail, waiter, _LATE)
        self.waiting += 1
        self._leave_if_due()
        try:
            return await waiter
        finally:
            limit.cancel()
            self.waiting -= 1

    async def close(self) -> None:
        """Cancel the queries that are on their way, and fail all pending loads."""
        self._is_closed = True
        if self._look_again is not None:
            self._look_again.cancel()
        for query in self._queries:
            query.cancel()
        await asyncio.gather(*self._queries, return_exceptions=True)
        for gathered in self._gathered.values():
            for waiter in gathered.waiters:
                _fail(waiter, ProfilesClosed("the service is stopping"))
        self._gathered.clear()

    def _leave_if_due(self) -> None:
        """Start a query if one may leave now; else see to it that this is asked again."""
        # A query that is scheduled but not running yet will take later ids too.
        if not self._gathered or self._is_leaving or self._is_closed:
            return
        if len(self._queries) >= MAX_QUERIES:
            return
        loop = asyncio.get_running_loop()
        if self._queries and len(self._gathered) < SECOND_QUERY_IDS:
            if self._look_again is not None:
                return
            oldest = next(iter(self._gathered.values()))
            due = oldest.since + SECOND_QUERY_SECONDS
            if loop.time() < due:
                self._look_again = loop.call_at(due, self._looked_again)
                return
        self._is_leaving = True
        query = loop.create_task(self._query(), name="profile query")
        # asyncio.timeout would do the same, in five times the time.
        self._queries[query] = loop.call_later(QUERY_SECONDS, query.cancel)
        query.add_done_callback(self._on_query_done)

    def _looked_again(self) -> None:
        self._look_again = None
        self._leave_if_due()

    def _on_query_done(self, query: asyncio.Task[None]) -> None:
        self._queries.pop(query).cancel()
        self._leave_if_due()

    async def _query(self) -> None:
        batch = self._take()
        self._is_leaving = False
        self._leave_if_due()
        if self._unreadable.isdisjoint(batch):
            if batch:
                await self._ask(batch)
            return
        # One that cannot be decoded costs its whole batch a second look: not again and again.
        apart = {each: batch[each] for each in batch if each in self._unreadable}
        others = {each: batch[each] for each in batch if each not in apart}
        for part in (others, apart):
            if part:
                await self._ask(part)

    def _take(self) -> Batch:
        """Take the oldest ids that are gathered, without those that no request waits for."""
        taken = {
            player_id: self._gathered.pop(player_id).waiters
            for player_id in [*islice(self._gathered, MAX_BATCH)]
        }
        return {
            player_id: waiters for player_id, waiters in taken.items() if _anyone_waiting(waiters)
        }

    async def _ask(self, batch: Batch) -> None:
        """Ask for a batch and give every waiter its profile, or the error."""
        error: Exception = ProfilesUnavailable("no answer")
        unreadable: Collection[str] = batch
        found: Mapping[str, ProfileDocument] = {}
        try:
            found = await self._profiles.get_many([*batch])
            unreadable = ()
            if self._unreadable:
                self._unreadable -= found.keys()
        except ProfileUnreadable as raised:
            # The others of the batch came with the error: nobody asks for them again.
            error, unreadable, found = raised, raised.unreadable or batch, raised.found
            self._remember(unreadable)
        except ProfilesUnavailable:
            pass
        finally:
            for player_id, waiters in batch.items():
                if player_id in unreadable:
                    for waiter in waiters:
                        _fail(waiter, error)
                    continue
                profile = found.get(player_id)
                for waiter in waiters:
                    if not waiter.done():
                        waiter.set_result(profile)

    def _remember(self, unreadable: Collection[str]) -> None:
        if len(self._unreadable) + len(unreadable) > MAX_UNREADABLE:
            self._unreadable.clear()
        self._unreadable.update(unreadable)


def _anyone_waiting(waiters: list[Waiter]) -> bool:
    """Return whether any request still waits."""
    for waiter in waiters:  # noqa: SIM110 - any() of a generator takes three times as long
        if not waiter.done():
            return True
    return False


def _fail(waiter: Waiter, error: Exception) -> None:
    """Fail a request that still waits."""
    if not waiter.done():
        # A fresh instance each: a traceback accumulates on a shared one.
        waiter.set_exception(type(error)(*error.args))
