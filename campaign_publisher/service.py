"""CampaignService: the operations of the campaign API, without HTTP."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from campaign_publisher.campaigns import edits
from campaign_publisher.campaigns.commits import Committer
from campaign_publisher.campaigns.selection import Selection, select
from campaign_publisher.campaigns.validating import Findings, validated
from campaign_publisher.log.history import Page, read_page
from campaign_publisher.log.replica import LogReplica
from campaign_publisher.log.state import CampaignState, Stored
from contracts.campaign import Campaign
from foundation.preconditions import Preconditions
from foundation.slices import sliced
from foundation.validation import MAX_PROBLEMS


@dataclass(frozen=True, slots=True)
class Found:
    """A campaign or a segment as it is stored, its ETag, and whether a write created it."""

    json: bytes
    etag: str
    created: bool = False

    @classmethod
    def of(cls, state: CampaignState, stored: Stored, *, created: bool = False) -> Self:
        """Return what is stored in a state."""
        return cls(stored.plain_json, edits.etag(state, stored), created)


@dataclass(frozen=True, slots=True)
class Imported:
    """The revision after an import, and how many it created, updated and so on."""

    revision: int
    created: int
    updated: int
    unchanged: int
    deleted: int

    @classmethod
    def between(
        cls,
        revisions: tuple[int, int],
        before: Mapping[str, Stored],
        after: Mapping[str, Stored],
    ) -> Self:
        """Return what an import did to all campaigns, or all segments, given by name."""
        created = len(after.keys() - before.keys())
        changed = sum(stored.revision > revisions[0] for stored in after.values())
        return cls(
            revision=revisions[1],
            created=created,
            updated=changed - created,
            unchanged=len(after) - changed,
            deleted=len(before.keys() - after.keys()),
        )


class CampaignService:
    """Reads the copy that this replica has of the log, and writes to the log that all share."""

    def __init__(self, replica: LogReplica, committer: Committer) -> None:
        self._replica = replica
        self._committer = committer

    def select(self, selection: Selection) -> bytes:
        """Return the selected campaigns as a JSON array, highest priority first."""
        chosen = select(self._replica.state.campaigns.values(), selection)
        return b"[%b]" % b",".join(stored.plain_json for stored in chosen)

    def campaign(self, name: str) -> Found:
        """Return one campaign.

        Raises:
            NotFound: there is none of that name.
        """
        state = self._replica.state
        if name not in state.campaigns:
            raise edits.not_found()
        return Found.of(state, state.campaigns[name])

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

    async def put(self, campaign: Campaign, conditions: Preconditions, *, actor: str) -> Found:
        """Create or replace a campaign; return it as it is stored.

        Raises:
            ServiceError: PreconditionFailed, Invalid, or as `Committer.write`.
        """
        before, after = await self._committer.write(
            lambda state: edits.put(state, campaign, conditions), actor=actor
        )
        created = campaign.name not in before.campaigns
        return Found.of(after, after.campaigns[campaign.name], created=created)

    async def patch(
        self, name: str, changes: Mapping[str, Any], conditions: Preconditions, *, actor: str
    ) -> Found:
        """Apply a JSON merge patch to a campaign; return it as it is stored.

        Raises:
            ServiceError: PreconditionFailed, NotFound, Invalid, or as `Committer.write`.
        """
        _, after = await self._committer.write(
            lambda state: edits.patch(state, name, changes, conditions), actor=actor
        )
        return Found.of(after, after.campaigns[name])

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
            ServiceError: PreconditionFailed, Invalid, or as `Committer.write`.
        """
        before, after = await self._committer.write(
            lambda state: edits.replace_all(state, campaigns, conditions), actor=actor
        )
        revisions = (before.revision, after.revision)
        return Imported.between(revisions, before.campaigns, after.campaigns)

    async def renew(self, *, actor: str) -> CampaignState:
        """Assign the log a new store id that continues the one held here; return the state after.

        A repeated renewal returns the state after the first one.

        Raises:
            ServiceError: as `Committer.write`.
        """
        return await self._committer.renew(actor=actor)
