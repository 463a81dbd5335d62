"""Exceptions that nobody foresaw, as a server answers and logs them."""

import logging

import httpx
import pytest
from fastapi import FastAPI

from foundation.error_handlers import answer_errors
from foundation.head_requests import answer_head
from tests.security.served import served


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("protocol", ["httptools", "h11"])
async def test_an_unexpected_exception_is_logged_once(
    protocol: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """500 as JSON without the exception's text; one entry in the log, with the traceback."""
    app = FastAPI()
    answer_errors(app)

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError("hunter2")

    answer_head(app)
    async with served(app, protocol=protocol) as port, httpx.AsyncClient() as client:
        answer = await client.request(method, f"http://127.0.0.1:{port}/fails")
    assert answer.status_code == 500
    assert answer.headers["content-length"] == str(len(b'{"detail":"internal error"}'))
    assert method == "HEAD" or answer.json() == {"detail": "internal error"}
    [logged] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert logged.exc_info is not None
    assert isinstance(logged.exc_info[1], RuntimeError)
