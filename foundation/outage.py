"""Outage: what fails again and again is logged once when that begins, and once when it ends."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

# Callers wait longer than this; an operation that is cancelled sooner is cancelled by a stop.
HANGING_SECONDS = 0.9


class Outage:
    """Whether something is failing now, and why.

    The first failure is logged as a warning, `failing` followed by the reason; the first
    success after it as information, `recovered`. Everything in between is silent.
    """

    def __init__(self, logger: logging.Logger, failing: str, recovered: str) -> None:
        self._logger = logger
        self._failing = failing
        self._recovered = recovered
        self._reason: str | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._reason is not None

    @property
    def reason(self) -> str | None:
        """The reason of the latest failure; None while nothing is wrong."""
        return self._reason

    def failed(self, reason: object) -> None:
        """Note a failure. `reason` reaches the log and health answers: no secret may be in it."""
        is_new = self._reason is None
        self._reason = str(reason)
        if is_new:
            self._logger.warning("%s: %s", self._failing, self._reason)

    def recovered(self) -> None:
        """Note a success."""
        if self._reason is not None:
            self._reason = None
            self._logger.info("%s", self._recovered)

    @contextmanager
    def watching(self, failure: type[Exception]) -> Iterator[None]:
        """Note what becomes of an asynchronous operation in the block.

        It fails when it raises `failure`, or hangs until it is cancelled.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            yield
        except failure as error:
            self.failed(error)
            raise
        except asyncio.CancelledError:
            seconds = loop.time() - started
            if seconds > HANGING_SECONDS:
                self.failed(f"no answer in {seconds:.1f} s")
            raise
        self.recovered()
