"""Snapshots: what travels from the campaign service to the profile services."""

from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from pydantic import JsonValue

from contracts.campaign import Campaign
from contracts.matchers import UnknownMatchers
from contracts.snapshot import CampaignSnapshot, LogPosition, SnapshotHeader
from testbed.builders import (
    OTHER_STORE_ID,
    STORE_ID,
    a_published_campaign,
    a_published_segment,
    a_snapshot,
    golden,
)
from tests.contracts.refusals import refusal
from tests.strategies import snapshots


def written(snapshot: CampaignSnapshot) -> bytes:
    """Return a snapshot as it travels."""
    return snapshot.model_dump_json(by_alias=True, exclude_none=True).encode()


def test_golden() -> None:
    """The snapshot that travels today is read and written the same for ever."""
    document = golden("snapshot")
    snapshot = CampaignSnapshot.model_validate(document)
    assert orjson.loads(written(snapshot)) == document
    assert CampaignSnapshot.model_validate_json(orjson.dumps(document)) == snapshot


def test_golden_of_targeting() -> None:
    """So is one with segments, and with all that a campaign can say, down to the bytes."""
    document = golden("snapshot_targeting")
    snapshot = CampaignSnapshot.model_validate(document)
    assert written(snapshot) == orjson.dumps(document)
    assert CampaignSnapshot.model_validate_json(orjson.dumps(document)) == snapshot
    assert [(segment.name, segment.revision) for segment in snapshot.segments] == [
        ("newcomers", 3),
        ("spring whales", 9),
        ("whales", 2),
    ]


def test_without_segments_nothing_is_written_of_them() -> None:
    """A snapshot without segments is the bytes that it was before there were any."""
    assert b"segments" not in written(a_snapshot([a_published_campaign()]))


def test_golden_values() -> None:
    """Store, revision, head and names of the golden snapshot are read as what they are."""
    snapshot = CampaignSnapshot.model_validate(golden("snapshot"))
    assert snapshot.position == LogPosition(
        store_id=STORE_ID, revision=42, head=UUID("c4f1e0d2-3a6b-4f57-b8c9-6d7e8f901a23")
    )
    assert snapshot.renewed_from == (OTHER_STORE_ID,)
    assert [(campaign.name, campaign.revision) for campaign in snapshot.campaigns] == [
        ("mycampaign", 7),
        ("Fête d'été 夏祭り", 42),
    ]


def test_golden_of_a_later_version() -> None:
    """A later version's snapshot is read: what is unknown is left out, and matches nobody."""
    snapshot = CampaignSnapshot.model_validate(golden("later_snapshot"))
    known, later = snapshot.campaigns
    assert known == CampaignSnapshot.model_validate(golden("snapshot")).campaigns[0]
    unknown = UnknownMatchers(source={"weather": {"any": ["rain"]}})
    assert (later.name, later.matchers) == ("later", unknown)
    assert [(each.name, each.matchers) for each in snapshot.segments] == [("whales", unknown)]


def test_a_published_campaign_is_the_campaign() -> None:
    """But for its revision, a campaign travels in its canonical form."""
    published = golden("snapshot")["campaigns"][0]
    revision = published.pop("revision")
    assert published == golden("campaign_canonical")
    assert revision == 7
    assert Campaign.model_validate(published).name == "mycampaign"


@given(snapshots())
def test_round_trip(snapshot: CampaignSnapshot) -> None:
    """Every snapshot that is sent is received equal, through either parser."""
    assert CampaignSnapshot.model_validate(orjson.loads(written(snapshot))) == snapshot
    assert CampaignSnapshot.model_validate_json(written(snapshot)) == snapshot


@given(snapshots())
def test_header_of_a_snapshot(snapshot: CampaignSnapshot) -> None:
    """All of a snapshot but its campaigns is a header of its own."""
    document = orjson.loads(written(snapshot))
    del document["campaigns"]
    header = SnapshotHeader.model_validate(document)
    assert header.position == snapshot.position
    assert header.renewed_from == snapshot.renewed_from


def test_empty_snapshot() -> None:
    """A snapshot without campaigns is one: all campaigns may have ended."""
    snapshot = a_snapshot()
    assert CampaignSnapshot.model_validate(orjson.loads(written(snapshot))).campaigns == ()


@pytest.mark.parametrize("schema", [0, 2, -1, "1", None, 1.5, [], True, 1.0])
def test_other_schemas_are_refused(schema: object) -> None:
    """A snapshot of a schema that this version does not know is refused, naming it."""
    assert list(refusal(CampaignSnapshot, golden("snapshot") | {"schema": schema})) == ["schema"]


def test_a_snapshot_without_a_schema_is_refused() -> None:
    """What does not say its schema is not taken for schema 1."""
    document = golden("snapshot")
    del document["schema"]
    assert list(refusal(CampaignSnapshot, document)) == ["schema"]


@pytest.mark.parametrize("field", ["store_id", "revision", "head", "campaigns"])
def test_required(field: str) -> None:
    """A snapshot that lacks a field, or has null for it, is refused, naming it."""
    document = golden("snapshot")
    assert list(refusal(CampaignSnapshot, document | {field: None})) == [field]
    del document[field]
    assert refusal(CampaignSnapshot, document) == {field: "Field required"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("store_id", "mystore"),
        ("store_id", 5),
        ("head", ""),
        ("renewed_from", "nobody"),
        ("revision", -1),
        ("revision", 2**63),
        ("revision", "42"),
        ("revision", 42.0),
        ("revision", True),
        ("renewed_from", ["nobody"]),
        ("renewed_from", [str(STORE_ID)] * 101),
        ("campaigns", {}),
        ("campaigns", "[]"),
        ("segments", None),
        ("segments", {"whales": {}}),
        ("segments", [{"name": "whales", "matchers": {}}]),
        ("segments", [{"name": "whales", "revision": 1}]),
        ("segments", [{"name": "whales", "matchers": 7, "revision": 1}]),
    ],
)
def test_bad_values_are_refused(field: str, value: object) -> None:
    """A value of another type or out of range is refused, naming the field."""
    [place] = refusal(CampaignSnapshot, golden("snapshot") | {field: value})
    assert place.partition(".")[0] == field


def changed_campaign(**fields: Any) -> dict[str, Any]:
    """Return the golden snapshot with a second campaign that has other fields."""
    document: dict[str, Any] = golden("snapshot")
    document["campaigns"][1].update(fields)
    return document


def test_unknown_keys_are_ignored() -> None:
    """A key of a later version is ignored, in the snapshot and in its campaigns."""
    known = CampaignSnapshot.model_validate(golden("snapshot"))
    assert CampaignSnapshot.model_validate(golden("snapshot") | {"color": 1}) == known
    assert CampaignSnapshot.model_validate(changed_campaign(color=1)) == known


@pytest.mark.parametrize(
    "matchers",
    [
        {"xp": 1},
        {"level": {"max": "all"}},
        {"level": {"min": 1}, "xp": {}},
        [{"level": {"min": 1}}],
    ],
)
def test_matchers_of_a_later_version_are_unknown(matchers: JsonValue) -> None:
    """Matchers that cannot be read are UnknownMatchers; the other campaigns are as they were."""
    first, second = CampaignSnapshot.model_validate(changed_campaign(matchers=matchers)).campaigns
    assert second.matchers == UnknownMatchers(source=matchers)
    assert first == CampaignSnapshot.model_validate(golden("snapshot")).campaigns[0]


@pytest.mark.parametrize("revision", [None, -1, True, "1", 2**63])
def test_campaigns_have_revisions(revision: object) -> None:
    """A campaign of a snapshot says the revision of its last change."""
    assert list(refusal(CampaignSnapshot, changed_campaign(revision=revision))) == [
        "campaigns.1.revision"
    ]
    document = golden("snapshot")
    del document["campaigns"][0]["revision"]
    assert list(refusal(CampaignSnapshot, document)) == ["campaigns.0.revision"]


def test_a_name_stands_once() -> None:
    """A snapshot with one name twice is refused, also when the two are spelt differently."""
    assert "campaigns must have different names" in str(
        refusal(CampaignSnapshot, changed_campaign(name="mycampaign"))
    )
    document = changed_campaign(name="e\u0301")
    document["campaigns"][0]["name"] = "\u00e9"
    assert "different names" in str(refusal(CampaignSnapshot, document))
    twice = [{"name": "whales", "matchers": {}, "revision": 1}] * 2
    assert "segments must have different names" in str(
        refusal(CampaignSnapshot, golden("snapshot") | {"segments": twice})
    )


def test_reading_does_not_change_the_document() -> None:
    """What is read is left as it was: others may hold it."""
    document = golden("snapshot")
    CampaignSnapshot.model_validate(document)
    assert document == golden("snapshot")


def test_renewed_from_may_be_missing() -> None:
    """A snapshot that does not say which store it continues continues none."""
    document = golden("snapshot")
    del document["renewed_from"]
    assert CampaignSnapshot.model_validate(document).renewed_from == ()


def test_builder_writes_all_that_it_is_given() -> None:
    """A built snapshot carries what it was given, in the names of the wire."""
    campaign = a_published_campaign("Summer Event", revision=3)
    segment = a_published_segment("newcomers", revision=2)
    document = orjson.loads(written(a_snapshot([campaign], revision=4, segments=[segment])))
    assert (document["schema"], document["revision"]) == (1, 4)
    assert document["campaigns"][0]["name"] == "Summer Event"
    assert document["campaigns"][0]["revision"] == 3
    assert [(each["name"], each["revision"]) for each in document["segments"]] == [("newcomers", 2)]
