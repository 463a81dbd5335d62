"""Valid campaigns, profiles, snapshots and events, with defaults that match each other."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, Unpack
from uuid import UUID

import orjson

from contracts.campaign import Campaign
from contracts.matchers import Conditions, LevelRange, Matchers
from contracts.segment import Segment
from contracts.snapshot import (
    SCHEMA,
    CampaignSnapshot,
    PublishedCampaign,
    PublishedSegment,
    SnapshotReason,
)
from contracts.wire import SnapshotEvent

NOW = datetime(2022, 2, 1, 12, tzinfo=UTC)
PLAYER_ID = "97983be2-98b7-11e7-90cf-082e5f28d836"
STORE_ID = UUID("8d0c7a4e-5b1f-4c39-9a53-2f6f1d8e0b71")
OTHER_STORE_ID = UUID("1b9e2c66-7f0d-4a8e-8d2c-90a4c5e3f712")

_DATA = Path(__file__).parents[1] / "tests" / "data"

Lists = Mapping[str, Sequence[str]]


class CampaignFields(TypedDict, total=False):
    """The arguments of `a_campaign` after the name."""

    level: tuple[int | None, int | None] | None
    has: Lists | None
    does_not_have: Lists | None
    priority: float
    start: datetime | None
    end: datetime | None
    enabled: bool
    game: str


def golden(name: str) -> Any:
    """Return the JSON of `tests/data/<name>.json`, read anew."""
    return orjson.loads((_DATA / f"{name}.json").read_bytes())


def a_head(revision: int) -> UUID:
    """Return the id of the change that made `revision`: always the same one for a revision."""
    return UUID(int=0xC4F1E0D2_3A6B_4F57_8000_000000000000 + revision)


def a_campaign(
    name: str = "mycampaign",
    *,
    level: tuple[int | None, int | None] | None = (1, 3),
    has: Lists | None = None,
    does_not_have: Lists | None = None,
    priority: float = 0.0,
    start: datetime | None = None,
    end: datetime | None = None,
    enabled: bool = True,
    game: str = "mygame",
) -> Campaign:
    """Return a campaign that `a_profile()` is in, active at every time."""
    return Campaign(
        name=name,
        game=game,
        priority=priority,
        matchers=Matchers(
            level=None if level is None else LevelRange(min=level[0], max=level[1]),
            has=_conditions(has),
            does_not_have=_conditions(does_not_have),
        ),
        start_date=start,
        end_date=end,
        enabled=enabled,
    )


def a_published_campaign(
    name: str = "mycampaign", *, revision: int = 1, **fields: Unpack[CampaignFields]
) -> PublishedCampaign:
    """Return a campaign as a snapshot holds it, last changed at `revision`."""
    return as_published(a_campaign(name, **fields), revision=revision)


def as_published(campaign: Campaign, *, revision: int) -> PublishedCampaign:
    """Return `campaign` as a snapshot holds it, last changed at `revision`."""
    return PublishedCampaign(**dict(campaign), revision=revision)


def a_segment(name: str = "whales", **matchers: Any) -> Segment:
    """Return a segment with these matchers, by default one that `a_profile()` is in."""
    return Segment.model_validate({"name": name, "matchers": matchers or {"level": {"min": 1}}})


def a_published_segment(
    name: str = "whales", *, revision: int = 1, **matchers: Any
) -> PublishedSegment:
    """Return a segment as a snapshot holds it, last changed at `revision`."""
    return PublishedSegment(**dict(a_segment(name, **matchers)), revision=revision)


def a_profile(player_id: str = PLAYER_ID, /, **fields: Any) -> dict[str, Any]:
    """Return a profile as JSON has it, at level 2 with one item_1, in the US."""
    return {
        "player_id": player_id,
        "level": 2,
        "country": "US",
        "language": "en",
        "inventory": {"item_1": 1},
        **fields,
    }


def a_snapshot(
    campaigns: Iterable[PublishedCampaign] = (),
    *,
    store_id: UUID = STORE_ID,
    revision: int = 1,
    head: UUID | None = None,
    renewed_from: UUID | Sequence[UUID] | None = None,
    segments: Iterable[PublishedSegment] = (),
) -> CampaignSnapshot:
    """Return a snapshot of `campaigns`; without a head it has the one of its revision."""
    return CampaignSnapshot(
        schema=SCHEMA,
        store_id=store_id,
        renewed_from=(renewed_from,)
        if isinstance(renewed_from, UUID)
        else tuple(renewed_from or ()),
        revision=revision,
        head=head or a_head(revision),
        segments=tuple(segments),
        campaigns=tuple(campaigns),
    )


def an_event(
    *,
    store_id: UUID = STORE_ID,
    revision: int = 1,
    head: UUID | None = None,
    log_age: float = 0.0,
    heartbeat_interval: float = 60.0,
    published_at: datetime = NOW,
    reason: SnapshotReason = SnapshotReason.CHANGE,
) -> SnapshotEvent:
    """Return the event that goes with `a_snapshot` of the same arguments."""
    return SnapshotEvent(
        store_id=store_id,
        revision=revision,
        head=head or a_head(revision),
        log_age=log_age,
        heartbeat_interval=heartbeat_interval,
        published_at=published_at,
        reason=reason,
    )


def _conditions(lists: Lists | None) -> Conditions | None:
    return None if lists is None else Conditions.model_validate({k: [*v] for k, v in lists.items()})
