"""CampaignService: what operators can ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from campaign_publisher import writes
from campaign_publisher.commits import Commits
from campaign_publisher.history import Page, read_page
from campaign_publisher.ledger import Ledger
from campaign_publisher.preconditions import Preconditions
from campaign_publisher.selection import Selection, select
from campaign_publisher.state import CampaignState
from contracts.campaign import Campaign


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


class CampaignService:
    """Reads from this replica's ledger, and writes to the log that all replicas share."""

    def __init__(self, ledger: Ledger, commits: Commits) -> None:
        self._ledger = ledger
        self._commits = commits

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
            raise writes.not_found()
        return _found(state, name)

    async def changes(self, since: int) -> Page:
        """Give the changes after revision `since` as JSON, at most a page of them.

        Raises:
            Unavailable: the log cannot be read now, or was replaced.
        """
        return await read_page(self._ledger, since)

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

        A repeated renewal gives the state after the first one.

        Raises:
            ServiceError: as `Commits.write`.
        """
        return await self._commits.renew(actor=actor)


def _found(state: CampaignState, name: str, *, created: bool = False) -> FoundCampaign:
    stored = state.campaigns[name]
    return FoundCampaign(stored.plain_json, writes.etag(state, stored), created=created)
