"""Log lines of a process that runs both services."""

import logging

REPEATS_SECONDS = 5.0


class Unrepeated(logging.Filter):
    """Drops a line that repeats one of the last seconds.

    Each of the services' connections logs by itself that a server is away: of one server
    that all of them use, one line is enough.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is new."""
        earliest = record.created - REPEATS_SECONDS
        self._shown = {line: at for line, at in self._shown.items() if at > earliest}
        line = record.name, record.getMessage()
        is_new = line not in self._shown
        self._shown.setdefault(line, record.created)
        return is_new
