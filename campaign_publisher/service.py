"""CampaignService: what operators and profile services can ask for."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from campaign_publisher import writes
from campaign_publisher.changes import LogUnavailable
from campaign_publisher.commits import Commits
from campaign_publisher.ledger import Ledger
from campaign_publisher.preconditions import Preconditions
from campaign_publisher.selection import Selection, select
from campaign_publisher.state import CampaignState, snapshot_bytes
from contracts.campaign import Campaign
from contracts.snapshot import SnapshotReason
from contracts.wire import SnapshotEvent
from foundation.clock import Clock
from foundation.errors import Unavailable

logger = logging.getLogger(__name__)

MAX_CHANGES = 1000
MAX_CHANGES_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FoundCampaign:
    """A campaign as it is stored, its ETag, and whether the write that gave it made it."""

    json: bytes
    etag: str
    created: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the revision after it, and how many campaigns it touched."""

    revision: int
    created: int
    updated: int
    unchanged: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Page:
    """Changes as JSON, of which store, and where the next page begins; None on the last."""

    store_id: UUID
    changes: tuple[bytes, ...]
    next: int | None


class CampaignService:
    """Reads from this replica's ledger, and writes to the log that all replicas share."""

    def __init__(
        self, ledger: Ledger, commits: Commits, *, clock: Clock, heartbeat_interval: timedelta
    ) -> None:
        self._ledger = ledger
        self._commits = commits
        self._clock = clock
        self._heartbeat_seconds = heartbeat_interval.total_seconds()

    @property
    def can_vouch(self) -> bool:
        """Whether others may take this replica's campaigns for the newest ones."""
        return self._ledger.can_vouch

    def select(self, selection: Selection) -> bytes:
        """Give the selected campaigns as a JSON array, highest priority first."""
        chosen = select(self._ledger.state.campaigns.values(), selection)
        return b"[%b]" % b",".join(stored.plain_json for stored in chosen)

    def campaign(self, name: str) -> FoundCampaign:
        """Give one campaign.

        Raises:
            NotFound: there is none of that name.
        """
        state = self._ledger.state
        if name not in state.campaigns:
            raise writes.not_found(name)
        return _found(state, name)

    def event(self) -> SnapshotEvent:
        """Give the newest position in the log, and how long ago it was seen to be that.

        Raises:
            Unavailable: this replica cannot vouch for what it holds.
        """
        position = self._ledger.state.position
        if not self.can_vouch:
            raise Unavailable("the change log cannot be read or was replaced: ask another replica")
        return SnapshotEvent(
            **dict(position),
            log_age=round(self._ledger.age, 3),
            heartbeat_interval=self._heartbeat_seconds,
        )

    def snapshot(self, reason: SnapshotReason) -> tuple[SnapshotEvent, bytes]:
        """Give the newest snapshot's JSON with the event that announces it.

        Raises:
            Unavailable: this replica cannot vouch for what it holds.
        """
        event = self.event()
        body = snapshot_bytes(
            self._ledger.state, now=self._clock.now(), log_age=event.log_age, reason=reason
        )
        return event, body

    async def changes(self, since: int) -> Page:
        """Give the changes after revision `since` as JSON, at most 1,000 or 16 MiB of them.

        Raises:
            Unavailable: the log cannot be read now.
        """
        store_id = self._ledger.state.store_id
        page: list[bytes] = []
        size = 0
        last = since
        try:
            async for change in self._ledger.log.read(since + 1):
                text = change.model_dump_json(exclude_none=True).encode()
                size += len(text)
                if page and (len(page) == MAX_CHANGES or size > MAX_CHANGES_BYTES):
                    return Page(store_id, tuple(page), next=last)
                page.append(text)
                last = change.revision
        except LogUnavailable as error:
            logger.warning("the changes cannot be read: %s", error)
            raise Unavailable("the change log cannot be read") from error
        return Page(store_id, tuple(page), next=None)

    async def put(
        self, campaign: Campaign, conditions: Preconditions, *, actor: str
    ) -> FoundCampaign:
        """Create or replace a campaign.

        Raises:
            ServiceError: PreconditionFailed, or as `Commits.write`.
        """
        before, after = await self._commits.write(
            lambda state: writes.put(state, campaign, conditions), actor=actor
        )
        return _found(after, campaign.name, created=campaign.name not in before.campaigns)

    async def patch(
        self, name: str, changes: Mapping[str, Any], conditions: Preconditions, *, actor: str
    ) -> FoundCampaign:
        """Apply a JSON merge patch to a campaign.

        Raises:
            ServiceError: PreconditionFailed, NotFound, Invalid, or as `Commits.write`.
        """
        _, after = await self._commits.write(
            lambda state: writes.patch(state, name, changes, conditions), actor=actor
        )
        return _found(after, name)

    async def delete(self, name: str, conditions: Preconditions, *, actor: str) -> None:
        """Remove a campaign.

        Raises:
            ServiceError: PreconditionFailed, NotFound, or as `Commits.write`.
        """
        await self._commits.write(lambda state: writes.delete(state, name, conditions), actor=actor)

    async def replace_all(
        self, campaigns: Mapping[str, Campaign], conditions: Preconditions, *, actor: str
    ) -> Imported:
        """Make `campaigns`, by their names, the only ones, in one revision or none.

        Raises:
            ServiceError: PreconditionFailed, or as `Commits.write`.
        """
        before, after = await self._commits.write(
            lambda state: writes.replace_all(state, campaigns, conditions), actor=actor
        )
        created = len(after.campaigns.keys() - before.campaigns.keys())
        changed = sum(stored.revision > before.revision for stored in after.campaigns.values())
        return Imported(
            revision=after.revision,
            created=created,
            updated=changed - created,
            unchanged=len(campaigns) - changed,
            deleted=len(before.campaigns.keys() - after.campaigns.keys()),
        )

    async def renew(self, *, actor: str) -> CampaignState:
        """Give the log a new store id that continues the one held here; give the state after.

        Raises:
            ServiceError: as `Commits.write`.
        """
        return await self._commits.renew(actor=actor)


def _found(state: CampaignState, name: str, *, created: bool = False) -> FoundCampaign:
    stored = state.campaigns[name]
    return FoundCampaign(stored.plain_json, writes.etag(state, stored), created=created)
