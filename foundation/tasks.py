"""Background tasks that somebody owns."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from foundation.backoff import Backoff

logger = logging.getLogger(__name__)

CANCEL_AGAIN_SECONDS = 4.0  # longer than what a task does before it ends


@asynccontextmanager
async def running(
    work: Callable[[], Coroutine[Any, Any, None]], *, name: str
) -> AsyncIterator[None]:
    """Keep `work` running while the block lasts; cancel it and wait for it at the end.

    Work that ends with an exception is logged and, after a pause, started again: a
    background loop must not die in silence.
    """
    task = asyncio.create_task(_restarting(work, name), name=name)
    try:
        yield
    finally:
        # A library may swallow a cancellation: it is asked for until it is heard.
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
    """Tell whether somebody cancels the current task.

    aio-pika lets a CancelledError out of a publish whose connection broke, although
    nobody cancelled the task: that is a failure to be retried, not a request to stop.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
