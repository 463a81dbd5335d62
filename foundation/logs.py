"""Log lines on standard error, for people (text) or for machines (JSON, one object a line)."""

import logging
import sys
from datetime import UTC, datetime

import orjson

from foundation.settings import LogFormat, ServiceSettings


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object: at, level, logger, message, and exception if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, option=orjson.OPT_UTC_Z, default=str).decode()


def set_up_logging(settings: ServiceSettings) -> None:
    """Send all log lines to standard error in the chosen form."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format is LogFormat.JSON:
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level.value, handlers=[handler], force=True)
    # Each of these writes a line for every request, message or heartbeat.
    for chatty in ("httpx", "httpcore", "aio_pika", "aiormq", "pymongo"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.root.level))
