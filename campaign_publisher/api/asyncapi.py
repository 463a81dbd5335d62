"""GET /asyncapi.json: the events that are published, for other services to receive."""

from functools import cache

from fastapi import APIRouter, Response

from campaign_publisher.api.responses import JSON, json_answer
from campaign_publisher.publishing.asyncapi import describe_events

router = APIRouter(tags=["events"])

_described = cache(describe_events)


@router.get(
    "/asyncapi.json",
    summary="Describe the events",
    description="An AsyncAPI document of the exchange that snapshots and heartbeats are published "
    "to, for other services that follow changes.",
    responses={200: {"content": {JSON: {"schema": {"type": "object"}}}}},
)
async def get_events() -> Response:
    return json_answer(_described())
