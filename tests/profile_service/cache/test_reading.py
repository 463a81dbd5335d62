"""Reading a snapshot's bytes."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.campaign import Campaign
from contracts.matchers import Matchers, UnknownMatchers
from contracts.snapshot import CampaignSnapshot, PublishedCampaign
from foundation.slices import at_once
from profile_service.cache.reading import (
    MAX_BYTES,
    UnreadableSnapshot,
    campaigns_in,
    read_snapshot,
)
from profile_service.matching.compiled import CompiledCampaigns
from profile_service.matching.rules import rule_of
from testbed.builders import (
    NOW,
    a_campaign,
    a_profile,
    a_published_campaign,
    a_published_segment,
    a_snapshot,
    as_published,
    golden,
)
from testbed.fakes import body_of
from tests.strategies import snapshots

LATER = NOW.replace(hour=13)


@given(snapshots())
async def test_what_is_published_is_read(snapshot: CampaignSnapshot) -> None:
    """Every snapshot that can be published is read, campaign for campaign."""
    header, campaigns = await read_snapshot(body_of(snapshot), None)
    assert header.position == snapshot.position
    assert header.renewed_from == snapshot.renewed_from
    assert header.segments == snapshot.segments
    assert len(campaigns) == len(snapshot.campaigns)
    assert all(campaigns.get(each.name) == rule_of(each) for each in snapshot.campaigns)


async def test_the_golden_snapshot_is_read() -> None:
    """What stands in the contracts' golden file is what is understood here."""
    header, campaigns = await read_snapshot(orjson.dumps(golden("snapshot")), None)
    assert header.revision == 42
    assert len(campaigns) == 2
    assert campaigns.get("mycampaign") is not None


async def test_segments_come_with_the_header() -> None:
    """The segments of the golden file are read beside its campaigns."""
    document = golden("snapshot_targeting")
    header, campaigns = await read_snapshot(orjson.dumps(document), None)
    assert header.segments == CampaignSnapshot.model_validate(document).segments
    assert len(campaigns) == 2


@given(snapshots(), st.sampled_from((None, "mygame")), st.sampled_from((None, 2)))
async def test_what_is_held_can_be_read_as_campaigns(
    snapshot: CampaignSnapshot, game: str | None, indent: int | None
) -> None:
    """However the snapshot was written: those that are wanted, of the game that is served."""
    body = body_of(snapshot)
    if indent is not None:
        body = json.dumps(json.loads(body), indent=indent).encode()
    _, held = await read_snapshot(body, None, game=game)
    served = [each for each in snapshot.campaigns if game is None or each.game == game]
    found = at_once(campaigns_in(held, lambda _: True))
    assert sorted(found, key=lambda each: each.name) == sorted(served, key=lambda each: each.name)
    if served:
        name = served[0].name
        assert at_once(campaigns_in(held, lambda rule: rule.name == name)) == served[:1]


@given(snapshots())
async def test_what_is_held_is_not_read_again(snapshot: CampaignSnapshot) -> None:
    """The same snapshot again gives the very same campaigns, not equal ones."""
    body = body_of(snapshot)
    _, held = await read_snapshot(body, None)
    _, again = await read_snapshot(body, held)
    assert all(again.get(each.name) is held.get(each.name) for each in snapshot.campaigns)


@pytest.mark.parametrize(
    "differs",
    [
        {"revision": 8},
        {"last_updated": LATER},
        {"last_updated": None},
        {"priority": 99.0},
        {"matchers": a_campaign(level=None).matchers},
    ],
)
async def test_what_differs_in_anything_is_read_again(differs: dict[str, Any]) -> None:
    """Only what is the same in all is held: a log that was restored counts revisions again."""
    one, other = a_published_campaign(revision=7), a_published_campaign("other")
    one = one.model_copy(update={"last_updated": NOW})
    changed = one.model_copy(update=differs)
    _, held = await read_snapshot(body_of(a_snapshot([one, other], revision=8)), None)
    _, read = await read_snapshot(body_of(a_snapshot([changed, other], revision=9)), held)
    assert read.get("mycampaign") is not held.get("mycampaign")
    assert read.get("mycampaign") == rule_of(changed)
    assert read.get("other") is held.get("other")


async def test_a_changed_segment_is_judged_anew() -> None:
    """Although all campaigns are held; what refers to it follows, other segments are kept."""
    campaign = Campaign.model_validate(
        {"name": "offer", "game": "mygame", "matchers": {"segment": {"all": ["outer", "kept"]}}}
    )
    kept = [
        a_published_segment("kept", level={"min": 1}),
        a_published_segment("outer", any=[{"segment": {"any": ["inner"]}}]),
    ]
    held: CompiledCampaigns | None = None
    predicates: list[object] = []
    for level, matching in ((1, ["offer"]), (9, []), (2, ["offer"])):
        inner = a_published_segment("inner", level={"min": level})
        published = [as_published(campaign, revision=1)]
        body = body_of(a_snapshot(published, revision=level, segments=[*kept, inner]))
        _, held = await read_snapshot(body, held)
        assert held.matching(a_profile(), NOW) == matching
        predicates.append(held.index.segments["kept"])
    assert predicates == [predicates[0]] * 3
    _, missing = await read_snapshot(body_of(a_snapshot(published, segments=kept)), held)
    assert (missing.matching(a_profile(), NOW), missing.unreadable) == ([], ("offer",))


@given(snapshots(), st.sampled_from((None, 2)), st.booleans())
async def test_it_may_be_written_in_any_way(
    snapshot: CampaignSnapshot,
    indent: int | None,
    sort_keys: bool,  # noqa: FBT001 - drawn
) -> None:
    """Spaces and the order of keys mean nothing in JSON."""
    body = json.dumps(orjson.loads(body_of(snapshot)), indent=indent, sort_keys=sort_keys)
    header, campaigns = await read_snapshot(body.encode(), None)
    assert header.position == snapshot.position
    assert header.segments == snapshot.segments
    assert len(campaigns) == len(snapshot.campaigns)
    assert all(campaigns.get(each.name) == rule_of(each) for each in snapshot.campaigns)


@pytest.mark.parametrize("name", ['},{"game":', '"campaigns":[', "]}", '"campaigns":[]}', "},{"])
async def test_a_name_may_look_like_json(name: str) -> None:
    """What stands inside a text never cuts a campaign."""
    published = [a_published_campaign(each) for each in (name, f"a{name}", f"{name}b", "plain")]
    body = body_of(a_snapshot(published))
    _, campaigns = await read_snapshot(body, None)
    _, again = await read_snapshot(body, campaigns)
    assert len(again) == 4
    assert all(again.get(each.name) == rule_of(each) for each in published)
    assert all(again.get(each.name) is campaigns.get(each.name) for each in published)


LIKE_CAMPAIGNS: tuple[Any, ...] = (
    {"campaigns": []},
    {"campaigns": [{"game": 1}]},
    {"campaigns": [{"game": "mygame"}, {"game": "mygame"}, {"game": "mygame"}]},
    [{}, {"game": 1}],
    [{"a": 1}, {"game": "mygame", "name": "other"}, {"game": "mygame"}],
    {"a": [{"a": {"a": 1}}, {"game": {"game": "mygame"}}]},
)


@pytest.mark.parametrize("payload", LIKE_CAMPAIGNS)
async def test_a_payload_may_look_like_campaigns(payload: Any) -> None:
    """No payload cuts a campaign in two, wherever it stands in the list."""
    document = _document()
    document["campaigns"][0]["payload"] = payload
    for campaigns in (document["campaigns"], document["campaigns"][::-1]):
        body = orjson.dumps({**document, "campaigns": campaigns})
        _, read = await read_snapshot(body, None)
        _, again = await read_snapshot(body, read)
        for each in campaigns:
            rule = rule_of(PublishedCampaign.model_validate(each))
            assert read.get(each["name"]) == rule
            assert again.get(each["name"]) == rule


@pytest.mark.parametrize("inside", LIKE_CAMPAIGNS)
async def test_a_segment_may_look_like_campaigns(inside: Any) -> None:
    """Nor does anything in a segment: a key or matchers of a later version, whatever they hold."""
    document = _document()
    campaigns = document.pop("campaigns")
    document["segments"] = [
        {"name": "later", "matchers": {"weather": inside}, "revision": 1},
        {"name": "newer", "later": inside, "matchers": {}, "revision": 1},
    ]
    header, read = await read_snapshot(orjson.dumps({**document, "campaigns": campaigns}), None)
    assert [segment.matchers for segment in header.segments] == [
        UnknownMatchers(source={"weather": inside}),
        Matchers(),
    ]
    assert [read.get(each) is not None for each in ("one", "two")] == [True, True]


@given(snapshots().filter(lambda snapshot: len(snapshot.campaigns) > 0), st.data())
async def test_a_body_that_broke_is_not_read(
    snapshot: CampaignSnapshot, data: st.DataObject
) -> None:
    """Cut off anywhere, it is unreadable, however many of its campaigns are held."""
    body = body_of(snapshot)
    _, held = await read_snapshot(body, None)
    end = data.draw(st.integers(0, len(body) - 1))
    for broken in (body[:end], body[:-2] + b"]]", body[:-2] + b"  ", body + b"]}"):
        with pytest.raises(UnreadableSnapshot):
            await read_snapshot(broken, held)


def _document() -> dict[str, Any]:
    snapshot = a_snapshot([a_published_campaign("one"), a_published_campaign("two")])
    parsed: dict[str, Any] = orjson.loads(body_of(snapshot))
    return parsed


SEGMENT = {"name": "whales", "matchers": {}, "revision": 1}


def _set(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.update(fields)


def _set_in_second(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["campaigns"][1].update(fields)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_set(schema=2), "schema"),
        (_set(revision=-1), "revision"),
        (_set(revision="1"), "revision"),
        (_set(store_id="mine"), "store_id"),
        (_set(head=None), "head"),
        (_set(renewed_from="mine"), "renewed_from"),
        (lambda document: document.pop("head"), "head"),
        (lambda document: document.pop("campaigns"), "no JSON object with campaigns"),
        (_set(campaigns=None), "campaigns: must be a list"),
        (_set(campaigns={"one": {}}), "campaigns: must be a list"),
        (_set(segments=None), "segments: must be a list"),
        (_set(segments={"one": {}}), "segments: must be a list"),
        (_set(segments=[None]), r"segments\.0: "),
        (_set(segments=[{**SEGMENT, "matchers": 7}]), r"segments\.0\.matchers: "),
        (_set(segments=[SEGMENT, {"name": "b", "matchers": {}}]), r"segments\.1\.revision: "),
        (_set(segments=[SEGMENT, SEGMENT]), "segments: two have the same name"),
        (lambda document: document["campaigns"].append(None), r"campaigns\.2: "),
        (_set_in_second(name="one"), "same name"),
        (_set_in_second(name="a/b"), "name"),
        (_set_in_second(matchers=7), r"campaigns\.1\.matchers: "),
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


@pytest.mark.parametrize("matchers", [{"segment": {}}, {"level": {"min": 3, "max": 1}}])
async def test_unknown_matchers_are_nobody_s(matchers: object) -> None:
    """A campaign whose matchers are not known matches nobody and is named; all others go on."""
    document = _document()
    document["campaigns"][1]["matchers"] = matchers
    _, campaigns = await read_snapshot(orjson.dumps(document), None)
    assert campaigns.unreadable == ("two",)
    assert campaigns.matching(a_profile(), NOW) == ["one"]


async def test_unknown_keys_are_ignored() -> None:
    """A key of a later version changes nothing."""
    document = _document()
    document["color"] = document["campaigns"][1]["color"] = "red"
    _, campaigns = await read_snapshot(orjson.dumps(document), None)
    assert campaigns.matching(a_profile(), NOW) == ["one", "two"]


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
