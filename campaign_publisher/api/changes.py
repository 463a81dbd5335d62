"""GET /changes: the history of all campaigns and segments, from the change log."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from campaign_publisher.api.responses import json_answer
from campaign_publisher.dependencies import READER, Service
from campaign_publisher.log.change import Change
from contracts.contract import MAX_INTEGER
from foundation.error_answers import error_answers

router = APIRouter(tags=["changes"])


class ChangesAnswer(BaseModel):
    """A page of changes; `next` is the `since` of the next page, null on the last one."""

    store_id: UUID
    changes: list[Change]
    next: int | None


@router.get(
    "/changes",
    dependencies=[READER],
    summary="List changes",
    description="The changes after revision `since`, oldest first, each with its actor, "
    "operation and time. At most 1,000 of them, or 16 MiB.",
    responses={200: {"model": ChangesAnswer}, **error_answers(401, 422, 503)},
)
async def list_changes(
    service: Service, since: Annotated[int, Query(ge=-1, lt=MAX_INTEGER)] = -1
) -> Response:
    page = await service.changes(since)
    following = b"null" if page.next is None else b"%d" % page.next
    body = b'{"store_id":"%b","changes":[%b],"next":%b}'
    return json_answer(body % (str(page.store_id).encode(), b",".join(page.changes), following))
