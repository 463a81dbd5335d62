"""Checkpoints: a campaign state as bytes and back, and the saving of them."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson
from pydantic import ConfigDict, TypeAdapter

from campaign_publisher.log.change import ChangeLog, Checkpoint, LogUnavailable
from campaign_publisher.log.state import CampaignState, StoredCampaign, StoredSegment
from contracts.campaign import LoggedCampaign
from contracts.contract import Received
from contracts.segment import LoggedSegment
from contracts.snapshot import Renewals, Revision, Uuid
from foundation.slices import in_slices

logger = logging.getLogger(__name__)

FORMAT: Final = 3
# Its writers know no segments, and leave out those that the log holds.
WITHOUT_SEGMENTS: Final = 2

_REVISION = TypeAdapter[int](Revision, config=ConfigDict(strict=True))


class _Saved(Received):
    """A state without its campaigns and segments, which are read in slices."""

    format: Literal[2, 3]
    store_id: Uuid
    renewed_from: Renewals
    revision: Revision
    head: Uuid
    segments: list[dict[str, Any]] | None = None
    campaigns: list[dict[str, Any]]


def to_checkpoint(state: CampaignState) -> Checkpoint:
    """Return the checkpoint of a state."""
    saved = {
        "format": FORMAT,
        "store_id": str(state.store_id),
        "renewed_from": [str(store) for store in state.renewed_from],
        "revision": state.revision,
        "head": str(state.head),
        "segments": [orjson.Fragment(stored.json) for stored in state.segments.values()],
        "campaigns": [orjson.Fragment(stored.json) for stored in state.campaigns.values()],
    }
    return Checkpoint(revision=state.revision, head=state.head, state=orjson.dumps(saved))


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """The state of a checkpoint, and whether it has the segments too."""

    state: CampaignState
    has_segments: bool


async def from_checkpoint(checkpoint: Checkpoint) -> Checkpointed:
    """Return the state of a checkpoint. Works in slices.

    Raises:
        ValueError: it is broken, of another format, or not of the change it claims.
    """
    saved = _Saved.model_validate(orjson.loads(checkpoint.state))
    if (saved.revision, saved.head) != (checkpoint.revision, checkpoint.head):
        raise ValueError("the state is not of the change that the checkpoint names")
    campaigns = {}
    async for document in in_slices(saved.campaigns):
        revision = _REVISION.validate_python(document.pop("revision", None))
        campaign = LoggedCampaign.model_validate(document)
        campaigns[campaign.name] = StoredCampaign.of(campaign, revision)
    has_segments = saved.format != WITHOUT_SEGMENTS
    if has_segments and saved.segments is None:
        raise ValueError("the state has no segments")
    segments = {}
    async for document in in_slices(saved.segments or () if has_segments else ()):
        revision = _REVISION.validate_python(document.pop("revision", None))
        segment = LoggedSegment.model_validate(document)
        segments[segment.name] = StoredSegment.of(segment, revision)
    state = CampaignState(
        saved.store_id, saved.renewed_from, saved.revision, saved.head, campaigns, segments
    )
    return Checkpointed(state, has_segments)


class Checkpointer:
    """Saves the newest state that is due in the background.

    A failure is only logged: a checkpoint saves time at a start, the log holds everything.
    """

    def __init__(self, log: ChangeLog, *, every: int) -> None:
        self._log = log
        self._every = every
        self._due: CampaignState | None = None
        self._wake = asyncio.Event()

    def committed(self, state: CampaignState) -> None:
        """Note a state that this replica has just committed."""
        if state.revision % self._every == 0:
            self._save_soon(state)

    def loaded(self, state: CampaignState, *, folded: int) -> None:
        """Note a state that took `folded` changes to make."""
        if folded > self._every:
            self._save_soon(state)

    def _save_soon(self, state: CampaignState) -> None:
        self._due = state
        self._wake.set()

    async def run(self) -> None:
        """Save states that are due, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            state, self._due = self._due, None
            if state is not None:
                await self._save(state)

    async def _save(self, state: CampaignState) -> None:
        try:
            await self._log.save_checkpoint(to_checkpoint(state))
        except LogUnavailable as error:
            logger.warning("no checkpoint at revision %d: %s", state.revision, error)
        else:
            logger.info("kept a checkpoint at revision %d", state.revision)
