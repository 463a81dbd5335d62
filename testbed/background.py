"""An event loop of its own thread: proxies, clients and origins live there while tests wait."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Self, TypeVar

Result = TypeVar("Result")

CALL_LIMIT = 30.0


class Background:
    """Runs coroutines for tests that are not asynchronous themselves."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="background")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_LIMIT)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Result], limit: float = CALL_LIMIT) -> Result:
        """Run `work` there and give its result; `TimeoutError` after `limit` seconds."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(limit)

    def start(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Have `work` run there until it ends, or the block does."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
