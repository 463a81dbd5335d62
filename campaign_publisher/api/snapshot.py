"""GET /snapshot: the start of a profile service, and its way without events."""

from fastapi import APIRouter, Request, Response

from campaign_publisher.api.responses import json_answer
from campaign_publisher.dependencies import READER, NewestSnapshot
from contracts.snapshot import CampaignSnapshot, SnapshotReason
from contracts.wire import SNAPSHOT_PATH, SnapshotEvent, snapshot_etag
from foundation.error_answers import UNCHANGED, error_answers
from foundation.etags import is_unchanged

router = APIRouter(tags=["snapshot"])


@router.get(
    SNAPSHOT_PATH,
    dependencies=[READER],
    summary="Get the newest snapshot",
    description="All campaigns that are enabled and not archived, scheduled and ended ones too, "
    "and all segments. "
    "The headers, also of a 304, name its store and revision, and how long ago that was read "
    "as the newest. 503 while this replica cannot read the log: ask another "
    "one.",
    responses={200: {"model": CampaignSnapshot}, **UNCHANGED, **error_answers(401, 503)},
)
async def get_snapshot(request: Request, snapshots: NewestSnapshot) -> Response:
    if is_unchanged(request.scope["headers"], snapshot_etag(snapshots.position)):
        event = snapshots.event(SnapshotReason.REQUEST)
        return Response(status_code=304, headers=_headers(event))
    event, body = snapshots.snapshot(SnapshotReason.REQUEST)
    return json_answer(body, headers=_headers(event))


def _headers(event: SnapshotEvent) -> dict[str, str]:
    return {"ETag": snapshot_etag(event.position), **event.to_headers()}
