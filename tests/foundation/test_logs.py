"""Log lines, for people and for machines."""

import logging
from collections.abc import Iterator
from datetime import datetime

import orjson
import pytest
from aio_pika import robust_connection, tools
from aiormq import channel

from foundation.logs import set_up_logging
from foundation.settings import LogFormat, LogLevel, ServiceSettings

logger = logging.getLogger("profile_service.cache")
SERVERS = (
    "",
    "uvicorn",
    "uvicorn.access",
    "httpx",
    "aio_pika",
    "aio_pika.robust_connection",
    "aio_pika.tools",
    "aiormq",
    "aiormq.channel",
    "aiormq.connection",
)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in SERVERS]
    before = [(each, each.level, each.handlers[:], each.propagate) for each in loggers]
    yield
    for each, level, handlers, propagate in before:
        each.setLevel(level)
        each.handlers[:] = handlers
        each.propagate = propagate


def set_up(form: LogFormat = LogFormat.JSON, level: LogLevel = LogLevel.INFO) -> None:
    """Set logging up as a service does."""
    set_up_logging(ServiceSettings(log_format=form, log_level=level))


def test_text_is_one_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """When, how grave, where from, and what; on standard error."""
    set_up(LogFormat.TEXT)
    logger.warning("holding revision %d", 7)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith(" WARNING profile_service.cache: holding revision 7\n")


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With the time in UTC, and text of any kind in one line."""
    set_up()
    logger.info("two\nlines, \x1b[31mred\x1b[0m, and é")
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    written = orjson.loads(line)
    assert datetime.fromisoformat(written.pop("at")).utcoffset() is not None
    assert written == {
        "level": "INFO",
        "logger": "profile_service.cache",
        "message": "two\nlines, \x1b[31mred\x1b[0m, and é",
    }


def test_an_exception_is_part_of_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback is a field, not lines of its own."""
    set_up()
    try:
        int("no number")
    except ValueError:
        logger.exception("it failed")
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "ValueError: invalid literal" in orjson.loads(line)["exception"]


def test_text_that_is_no_unicode_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has no lone surrogates; a path or a header with some loses no line."""
    set_up()
    logger.error("no file at %s", b"/tmp/\xff".decode("utf-8", "surrogateescape"))
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "no file at /tmp/\\" in line


def test_the_level_is_what_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines below it are not written."""
    set_up(level=LogLevel.WARNING)
    logger.info("not this")
    logger.warning("this")
    assert orjson.loads(capsys.readouterr().err)["message"] == "this"


def test_the_server_logs_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    """The server's own lines go the same way, whatever handlers it had put there."""
    server = logging.getLogger("uvicorn")
    server.addHandler(logging.StreamHandler())
    server.propagate = False
    set_up()
    logging.getLogger("uvicorn.error").info("Started server process")
    assert orjson.loads(capsys.readouterr().err)["message"] == "Started server process"


def test_no_line_is_written_for_each_request(capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked millions of times an hour is counted, not logged."""
    set_up(level=LogLevel.DEBUG)
    for chatty in ("uvicorn.access", "httpx", "aio_pika.connection", "aiormq.connection"):
        logging.getLogger(chatty).info("one more")
    assert capsys.readouterr().err == ""


def test_no_line_is_written_for_each_try_to_reconnect(capsys: pytest.CaptureFixture[str]) -> None:
    """That RabbitMQ is away is told once, by the link; what its client could not do is told."""
    set_up()
    robust_connection.log.warning("Connection attempt failed. Reconnecting after 1 seconds.")
    assert capsys.readouterr().err == ""
    robust_connection.log.error("Reconnect attempt failed")
    assert orjson.loads(capsys.readouterr().err)["message"] == "Reconnect attempt failed"


def test_a_lost_connection_is_logged_by_the_link_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """RabbitMQ's client reports it in lines of its own, as failed callbacks and calls."""
    set_up()
    tools.log.error("Callback error: no active transport in channel")
    channel.log.warning("Closing channel because RPC call cancelled")
    assert capsys.readouterr().err == ""
