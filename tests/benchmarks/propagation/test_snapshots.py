"""Snapshots that benchmarks send are those that instances take."""

from itertools import pairwise

from benchmarks.propagation.snapshots import body_of, changed, first_snapshot, headers_of
from benchmarks.workload import NOW, campaigns, player
from contracts.snapshot import CampaignSnapshot
from contracts.wire import SnapshotEvent
from profile_service.cache.reading import read_snapshot

SIZE = 50


async def test_an_instance_reads_them() -> None:
    """A snapshot is readable, and the player is in the same campaigns after every change."""
    snapshot = first_snapshot(list(campaigns(SIZE)))
    for _ in range(3):
        header, compiled = await read_snapshot(body_of(snapshot), None)
        assert header.position == SnapshotEvent.from_headers(headers_of(snapshot)).position
        assert sorted(compiled.matching(player(), NOW)) == player()["active_campaigns"]
        snapshot = changed(snapshot)


def test_a_change_is_one_campaign() -> None:
    """From one snapshot to the next exactly one campaign differs, and the revision by one."""
    snapshots = [first_snapshot(list(campaigns(SIZE)))]
    for _ in range(SIZE):
        snapshots.append(changed(snapshots[-1]))
    for before, after in pairwise(snapshots):
        assert after.revision == before.revision + 1
        assert len(set(map(_text, after.campaigns)) - set(map(_text, before.campaigns))) == 1


def test_are_what_the_contract_says() -> None:
    """What is written is a snapshot of the contract, nothing missing and nothing added."""
    snapshot = changed(first_snapshot(list(campaigns(SIZE))))
    assert CampaignSnapshot.model_validate_json(body_of(snapshot)) == snapshot


def _text(campaign: object) -> str:
    return repr(campaign)
