"""The first start: the examples are loaded as soon as both services can take them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Response

from contracts.wire import REVISION_HEADER
from devstack.first_start import load_examples_once
from devstack.servers import StackFailed, listening, serving

HOST = "127.0.0.1"


@asynccontextmanager
async def a_service(*snapshots: Response) -> AsyncIterator[str]:
    """Serve both services' routes at one address, and answer /snapshot as given, one by one."""
    app = FastAPI()
    answers = iter(snapshots)
    app.add_api_route("/health/ready", lambda: {"status": "ok"})
    app.add_api_route("/snapshot", lambda: next(answers))
    with listening(HOST, 0) as listener:
        async with serving(app, listener, name="the service"):
            yield f"http://{HOST}:{listener.getsockname()[1]}"


async def test_waits_while_the_snapshot_is_not_available() -> None:
    """A 503 of /snapshot between ready and the load is asked again, no traceback."""
    found = Response(headers={REVISION_HEADER: "3"})
    async with a_service(Response(status_code=503), found) as url:
        assert not await load_examples_once(url, url, "token")


async def test_says_what_else_the_snapshot_answered() -> None:
    """Another answer ends the start with one line."""
    async with a_service(Response(status_code=401)) as url:
        with pytest.raises(StackFailed, match="the campaign service answered 401 to /snapshot"):
            await load_examples_once(url, url, "token")


async def test_says_that_a_service_is_gone() -> None:
    """A service that no longer listens ends the start with one line."""
    with listening(HOST, 0) as listener:
        url = f"http://{HOST}:{listener.getsockname()[1]}"
    with pytest.raises(StackFailed, match="a service does not answer"):
        await load_examples_once(url, url, "token")
