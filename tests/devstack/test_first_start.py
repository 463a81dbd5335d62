"""The first start: the examples are loaded as soon as both services can take them."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Response

from contracts.wire import REVISION_HEADER
from devstack.first_start import load_examples_once
from devstack.servers import StackFailed, listening, serving

HOST = "127.0.0.1"


@asynccontextmanager
async def a_service(*snapshots: Response, imports: Iterable[Response] = ()) -> AsyncIterator[str]:
    """Serve both services' routes at one address, with these answers of /snapshot and imports."""
    app = FastAPI()
    answers, import_answers = iter(snapshots), iter(imports)
    for path in ("/profiles/import", "/campaigns/import"):
        app.add_api_route(path, lambda: next(import_answers), methods=["POST"])
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


async def test_waits_while_the_examples_cannot_be_written() -> None:
    """A 503 of an import is asked again: the store may be there at the next try."""
    empty = Response(headers={REVISION_HEADER: "0"})
    imports = [Response(status_code=503), Response("{}"), Response(status_code=503), Response("{}")]
    async with a_service(empty, imports=imports) as url:
        assert await load_examples_once(url, url, "token")


async def test_says_that_the_examples_are_refused() -> None:
    """A refusal ends the start with one line, which holds the service's own words."""
    empty = Response(headers={REVISION_HEADER: "0"})
    refused = Response('{"failed": 1}')
    async with a_service(empty, imports=[refused]) as url:
        with pytest.raises(StackFailed, match="the examples were refused: 200"):
            await load_examples_once(url, url, "token")


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
