"""Log lines on standard error, for people (text) or for machines (JSON, one object a line)."""

import logging
import sys
from datetime import UTC, datetime

import orjson

from foundation.settings import LogFormat, ServiceSettings


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: at, level, logger, message, and exception if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": _writable(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = _writable(self.formatException(record.exc_info))
        return orjson.dumps(line, option=orjson.OPT_UTC_Z).decode()


def _writable(text: str) -> str:
    """Escape lone surrogates, which a path or a header may hold and JSON cannot."""
    return text.encode("utf-8", "backslashreplace").decode()


def set_up_logging(settings: ServiceSettings) -> None:
    """Send all log lines to standard error in the chosen form."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format is LogFormat.JSON:
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level.value, handlers=[handler], force=True)
    # uvicorn attached its own handlers before it created the app.
    for name in ("uvicorn", "uvicorn.access"):
        server = logging.getLogger(name)
        server.handlers.clear()
        server.propagate = True
    # Each of these writes a line for every request, message or heartbeat.
    for chatty in ("uvicorn.access", "httpx", "httpcore", "aio_pika", "aiormq", "pymongo"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.root.level))
    # It warns at every try to reconnect; RabbitLink logs once that the connection is lost.
    reconnecting = logging.getLogger("aio_pika.robust_connection")
    reconnecting.setLevel(max(logging.ERROR, logging.root.level))
    # Errors of these are also raised, and logged where they are caught, or only say again
    # that a connection is lost.
    for doubling in ("aiormq.connection", "aiormq.channel", "aio_pika.tools"):
        logging.getLogger(doubling).setLevel(logging.CRITICAL)
