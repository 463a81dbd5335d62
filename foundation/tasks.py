"""Background tasks, each owned by the block that it runs in."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from foundation.backoff import Backoff

logger = logging.getLogger(__name__)

CANCEL_AGAIN_SECONDS = 4.0  # longer than a task needs to clean up


@asynccontextmanager
async def running(
    work: Callable[[], Coroutine[Any, Any, None]], *, name: str
) -> AsyncIterator[None]:
    """Keep `work` running while the block lasts; cancel it and wait for it at the end.

    Work that ends with an exception is logged and, after a pause, started again: the end of
    a background loop would go unnoticed.
    """
    task = asyncio.create_task(_restarting(work, name), name=name)
    try:
        yield
    finally:
        # A library may swallow a cancellation: repeat it until the task has ended.
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_AGAIN_SECONDS)


async def _restarting(work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
    backoff = Backoff(base=0.1, cap=2.0)
    while True:
        try:
            await work()
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            logger.warning("background task %s was cut off; starting it again", name)
        except Exception:
            logger.exception("background task %s failed; starting it again", name)
        else:
            return
        await asyncio.sleep(backoff.next())


def being_cancelled() -> bool:
    """Return whether the current task is being cancelled.

    aio-pika raises CancelledError from a publish whose connection broke, although the task
    was not cancelled: that is a failure to be retried, not a request to stop.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
