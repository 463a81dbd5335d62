"""Campaigns that change all the time, and the changes that the log does not have afterwards."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

from testbed.admin_client import WRITE_LIMIT, AdminClient

EVERY_SECONDS = 0.5
# The last change may be waiting for a replica that takes it.
END_LIMIT = 2 * WRITE_LIMIT


class Changes:
    """Makes a change twice a second while the block lasts.

    `refused` counts the writes that no replica accepted within the client's time limit.
    """

    def __init__(self, operator: AdminClient) -> None:
        self.refused = 0
        self._operator = operator
        # One at a time: what is put again must be the newest that was put.
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = ThreadPoolExecutor(1, "changes")
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        self._running = self._thread.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        if self._running:
            self._running.result(END_LIMIT)
        self._thread.shutdown()

    def make(self) -> int | None:
        """Make one now; give its revision, or None when no replica took it."""
        with self._lock:
            try:
                return self._operator.change()
            except TimeoutError:
                self.refused += 1
                return None

    def _run(self) -> None:
        while not self._is_over.wait(EVERY_SECONDS):
            self.make()


def lost_changes(
    acknowledged: Mapping[int, str], history: Mapping[int, Mapping[str, Any]]
) -> list[int]:
    """Return the revisions that were acknowledged and whose change the log does not have."""
    return [
        revision
        for revision, mark in acknowledged.items()
        if [put["game"] for put in history.get(revision, {}).get("put", [])] != [mark]
    ]
