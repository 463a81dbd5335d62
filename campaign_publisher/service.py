"""CampaignService: the operations of the campaign API, without HTTP."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaign_publisher.campaigns import edits
from campaign_publisher.campaigns.commits import Committer
from campaign_publisher.campaigns.selection import Selection, select
from campaign_publisher.campaigns.validating import Findings, validated
from campaign_publisher.log.history import Page, read_page
from campaign_publisher.log.replica import LogReplica
from campaign_publisher.log.state import CampaignState
from contracts.campaign import Campaign
from foundation.preconditions import Preconditions
from foundation.slices import sliced
from foundation.validation import MAX_PROBLEMS


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """A campaign as it is stored, its ETag, and whether a write created it."""

    json: bytes
    etag: str
    created: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """The revision after an import, and how many campaigns it created, updated and so on."""

    revision: int
    created: int
    updated: int
    unchanged: int
    deleted: int


class CampaignService:
    """Reads the copy that this replica has of the log, and writes to the log that all share."""

    def __init__(self, replica: LogReplica, committer: Committer) -> None:
        self._replica = replica
        self._committer = committer

    def select(self, selection: Selection) -> bytes:
        """Return the selected campaigns as a JSON array, highest priority first."""
        chosen = select(self._replica.state.campaigns.values(), selection)
        return b"[%b]" % b",".join(stored.plain_json for stored in chosen)

    def campaign(self, name: str) -> CampaignResult:
        """Return one campaign.

        Raises:
            NotFound: there is none of that name.
        """
        state = self._replica.state
        if name not in state.campaigns:
            raise edits.not_found()
        return _result(state, name)

    async def validate(self, values: Iterable[object], now: datetime) -> Findings:
        """Return what is found in campaigns beside those that are stored; nothing is written.

        The first 100 errors and the first 100 warnings are kept. Works in slices.

        Raises:
            Unavailable: the campaigns have not been loaded yet.
        """
        state = self._replica.state
        stored = {name: each.campaign for name, each in state.campaigns.items()}
        return await sliced(
            validated(
                values, now, stored=stored, segments=state.segments.keys(), limit=MAX_PROBLEMS
            )
        )

    async def changes(self, since: int) -> Page:
        """Return the changes after revision `since` as JSON, at most a page of them.

        Raises:
            Unavailable: the log cannot be read now, or was replaced.
        """
        return await read_page(self._replica, since)

    async def put(
        self, campaign: Campaign, conditions: Preconditions, *, actor: str
    ) -> CampaignResult:
        """Create or replace a campaign; return it as it is stored.

        Raises:
            ServiceError: PreconditionFailed, or as `Committer.write`.
        """
        before, after = await self._committer.write(
            lambda state: edits.put(state, campaign, conditions), actor=actor
        )
        return _result(after, campaign.name, created=campaign.name not in before.campaigns)

    async def patch(
        self, name: str, changes: Mapping[str, Any], conditions: Preconditions, *, actor: str
    ) -> CampaignResult:
        """Apply a JSON merge patch to a campaign; return it as it is stored.

        Raises:
            ServiceError: PreconditionFailed, NotFound, Invalid, or as `Committer.write`.
        """
        _, after = await self._committer.write(
            lambda state: edits.patch(state, name, changes, conditions), actor=actor
        )
        return _result(after, name)

    async def delete(self, name: str, conditions: Preconditions, *, actor: str) -> None:
        """Remove a campaign.

        Raises:
            ServiceError: PreconditionFailed, NotFound, or as `Committer.write`.
        """
        await self._committer.write(
            lambda state: edits.delete(state, name, conditions), actor=actor
        )

    async def replace_all(
        self, campaigns: Mapping[str, Campaign], conditions: Preconditions, *, actor: str
    ) -> Imported:
        """Replace all campaigns with `campaigns`, given by name, in one revision or none.

        Raises:
            ServiceError: PreconditionFailed, or as `Committer.write`.
        """
        before, after = await self._committer.write(
            lambda state: edits.replace_all(state, campaigns, conditions), actor=actor
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
        """Assign the log a new store id that continues the one held here; return the state after.

        A repeated renewal returns the state after the first one.

        Raises:
            ServiceError: as `Committer.write`.
        """
        return await self._committer.renew(actor=actor)


def _result(state: CampaignState, name: str, *, created: bool = False) -> CampaignResult:
    stored = state.campaigns[name]
    return CampaignResult(stored.plain_json, edits.etag(state, stored), created=created)
