"""Reading a snapshot's bytes."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given

from contracts.snapshot import CampaignSnapshot
from profile_service.cache.reading import MAX_BYTES, UnreadableSnapshot, read_snapshot
from profile_service.matching.compiled import CompiledCampaigns
from tests.builders import NOW, a_published_campaign, a_snapshot, golden
from tests.fakes import body_of
from tests.strategies import snapshots

LATER = NOW.replace(hour=13)


def _held(**fields: Any) -> CompiledCampaigns:
    campaign = a_published_campaign(revision=7).model_copy(
        update={"last_updated": NOW, "priority": 99.0, **fields}
    )
    return CompiledCampaigns([campaign])


@given(snapshots())
async def test_what_is_published_is_read(snapshot: CampaignSnapshot) -> None:
    """Every snapshot that can be published is read, campaign for campaign."""
    header, campaigns = await read_snapshot(body_of(snapshot), None)
    assert header.position == snapshot.position
    assert header.renewed_from == snapshot.renewed_from
    assert len(campaigns) == len(snapshot.campaigns)
    assert all(campaigns.get(each.name) == each for each in snapshot.campaigns)


async def test_the_golden_snapshot_is_read() -> None:
    """What stands in the contracts' golden file is what is understood here."""
    header, campaigns = await read_snapshot(orjson.dumps(golden("snapshot")), None)
    assert header.revision == 42
    assert len(campaigns) == 2
    found = campaigns.get("mycampaign")
    assert found is not None
    assert found.revision == 7


@given(snapshots())
async def test_what_is_held_is_not_read_again(snapshot: CampaignSnapshot) -> None:
    """The same snapshot again gives the very same campaigns, not equal ones."""
    body = body_of(snapshot)
    _, held = await read_snapshot(body, None)
    _, again = await read_snapshot(body, held)
    assert all(again.get(each.name) is held.get(each.name) for each in snapshot.campaigns)


@pytest.mark.parametrize(
    ("differs", "is_reused"),
    [
        ({}, True),
        ({"revision": 8}, False),
        ({"last_updated": LATER}, False),
        ({"last_updated": None}, False),
        ({"name": "another"}, False),
    ],
)
async def test_a_campaign_is_known_by_name_revision_and_date(
    differs: dict[str, Any], *, is_reused: bool
) -> None:
    """All three must be equal: a log that was restored counts its revisions again."""
    sent = a_published_campaign(revision=7).model_copy(update={"last_updated": NOW, **differs})
    held = _held()
    _, campaigns = await read_snapshot(body_of(a_snapshot([sent], revision=9)), held)
    assert (campaigns.get(sent.name) is held.get("mycampaign")) is is_reused


async def test_a_campaign_without_a_date_is_known_too() -> None:
    """Two that were never updated and have the same name and revision are the same."""
    held = _held(last_updated=None)
    sent = a_published_campaign(revision=7)
    _, campaigns = await read_snapshot(body_of(a_snapshot([sent], revision=9)), held)
    assert campaigns.get(sent.name) is held.get(sent.name)


def _document() -> dict[str, Any]:
    snapshot = a_snapshot([a_published_campaign("one"), a_published_campaign("two")])
    parsed: dict[str, Any] = orjson.loads(body_of(snapshot))
    return parsed


def _set(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.update(fields)


def _set_in_second(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["campaigns"][1].update(fields)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_set(schema=2), "schema"),
        (_set(shchema=1), "shchema"),
        (_set(revision=-1), "revision"),
        (_set(revision="1"), "revision"),
        (_set(store_id="mine"), "store_id"),
        (_set(head=None), "head"),
        (_set(log_age=-1), "log_age"),
        (lambda document: document.pop("head"), "head"),
        (lambda document: document.pop("campaigns"), "no JSON object with campaigns"),
        (_set(campaigns=None), "campaigns: must be a list"),
        (_set(campaigns={"one": {}}), "campaigns: must be a list"),
        (lambda document: document["campaigns"].append(None), "campaigns: "),
        (_set_in_second(name="one"), "same name"),
        (_set_in_second(name="a/b"), "name"),
        (_set_in_second(matchers={"level": {"min": 3, "max": 1}}), "campaigns.matchers.level"),
        (_set_in_second(matchers={"segment": {}}), "matchers.segment"),
        (_set_in_second(color="red"), "color"),
        (_set_in_second(enabled="yes"), "enabled"),
        (lambda document: document["campaigns"][1].pop("revision"), "revision"),
    ],
)
async def test_one_thing_that_is_wrong_spoils_the_whole(
    spoil: Callable[[dict[str, Any]], object], reason: str
) -> None:
    """Half a snapshot is not served; the error says what is wrong."""
    document = _document()
    await read_snapshot(orjson.dumps(document), None)
    spoil(document)
    with pytest.raises(UnreadableSnapshot, match=reason):
        await read_snapshot(orjson.dumps(document), None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"campaigns"',
        b"{}",
        b"<html>campaigns</html>",
        b"\xff\xfe",
        b'{"campaigns": [',
        b'{"campaigns": [NaN]}',
        b"[" * 100_000,
    ],
)
async def test_what_is_no_snapshot_is_unreadable(body: bytes) -> None:
    """Any other bytes are refused, and never with another error."""
    with pytest.raises(UnreadableSnapshot):
        await read_snapshot(body, None)


async def test_the_reason_repeats_nothing_of_the_body() -> None:
    """Whoever sends garbage does not write our log lines."""
    document = _document()
    document["campaigns"][1].update({"enabled": "a secret", "x" * 10_000: 1})
    with pytest.raises(UnreadableSnapshot) as refused:
        await read_snapshot(orjson.dumps(document), None)
    assert "secret" not in str(refused.value)
    assert len(str(refused.value)) <= 512


async def test_a_body_over_the_limit_is_not_parsed() -> None:
    """A snapshot may be as long as the limit, and not a byte longer."""
    body = body_of(a_snapshot([a_published_campaign()]))
    await read_snapshot(body.ljust(MAX_BYTES), None)
    with pytest.raises(UnreadableSnapshot, match="over"):
        await read_snapshot(body.ljust(MAX_BYTES + 1), None)
