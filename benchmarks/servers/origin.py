"""A campaign service that serves one fixed snapshot."""

import os

from fastapi import FastAPI, Response

from benchmarks.propagation.snapshots import body_of, first_snapshot, headers_of
from benchmarks.workload import campaigns
from contracts.wire import SNAPSHOT_PATH


def create_app() -> FastAPI:
    """Return the snapshot of CAMPAIGNS campaigns at revision 1."""
    snapshot = first_snapshot(list(campaigns(int(os.environ["CAMPAIGNS"]))))
    body, headers = body_of(snapshot), headers_of(snapshot)
    app = FastAPI()

    @app.get(SNAPSHOT_PATH)
    async def give() -> Response:
        return Response(body, headers=headers, media_type="application/json")

    @app.get("/health/live")
    async def live() -> Response:
        return Response()

    return app
