"""Outages in the log: a line when something begins to fail, and one when it succeeds again."""

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from profile_service.profiles.repository import ProfilesUnavailable

logger = logging.getLogger(__name__)

# Whoever asks waits longer than this; what is cut off sooner is cut off by a stop.
HANGING_SECONDS = 0.9


class Outages:
    """What cannot be done now."""

    def __init__(self) -> None:
        self._failing: set[str] = set()

    def begin(self, done: str, why: str) -> None:
        """Log that profiles cannot be `done`, unless that is known."""
        if done not in self._failing:
            self._failing.add(done)
            logger.warning("profiles cannot be %s: %s", done, why)

    def end(self, done: str) -> None:
        """Log that profiles can be `done` again, unless they could all the time."""
        if done in self._failing:
            self._failing.remove(done)
            logger.info("profiles can be %s again", done)


class HasOutages(Protocol):
    """What keeps in mind which of its methods fail."""

    outages: Outages


Store = TypeVar("Store", bound=HasOutages)
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Method = Callable[Concatenate[Store, Arguments], Coroutine[Any, Any, Result]]


def watched(
    done: str,
) -> Callable[[Method[Store, Arguments, Result]], Method[Store, Arguments, Result]]:
    """Log when a method begins to fail, or to hang until it is cut off, and when it is well again.

    `done` is what it does to profiles; methods of the same word share their outages.
    """

    def watching(method: Method[Store, Arguments, Result]) -> Method[Store, Arguments, Result]:
        @functools.wraps(method)
        async def call(
            store: Store, /, *args: Arguments.args, **kwargs: Arguments.kwargs
        ) -> Result:
            loop = asyncio.get_running_loop()
            started = loop.time()
            try:
                result = await method(store, *args, **kwargs)
            except ProfilesUnavailable as error:
                store.outages.begin(done, str(error))
                raise
            except asyncio.CancelledError:
                seconds = loop.time() - started
                if seconds > HANGING_SECONDS:
                    store.outages.begin(done, f"no answer in {seconds:.1f} s")
                raise
            store.outages.end(done)
            return result

        return call

    return watching
