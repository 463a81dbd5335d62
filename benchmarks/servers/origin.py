"""A campaign service that serves one fixed snapshot."""

import os

from fastapi import FastAPI, Response

from benchmarks.propagation.snapshots import body_of, first_snapshot, headers_of
from benchmarks.targeting import SEGMENTS, targeted_campaigns
from benchmarks.workload import campaigns
from contracts.wire import SNAPSHOT_PATH


def create_app() -> FastAPI:
    """Return the snapshot of CAMPAIGNS campaigns at revision 1.

    With TARGETED they are those of the whole language.
    """
    count = int(os.environ["CAMPAIGNS"])
    if os.environ.get("TARGETED"):
        snapshot = first_snapshot(list(targeted_campaigns(count)), SEGMENTS)
    else:
        snapshot = first_snapshot(list(campaigns(count)))
    body, headers = body_of(snapshot), headers_of(snapshot)
    app = FastAPI()

    @app.get(SNAPSHOT_PATH)
    async def give() -> Response:
        return Response(body, headers=headers, media_type="application/json")

    @app.get("/health/live")
    async def live() -> Response:
        return Response()

    return app
