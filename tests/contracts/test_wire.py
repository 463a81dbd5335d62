"""The headers of a snapshot event, and the names that both services use."""

import pytest
from hypothesis import given
from pydantic import ValidationError

from contracts import wire
from contracts.snapshot import CampaignSnapshot
from contracts.wire import SnapshotEvent, snapshot_etag
from testbed.builders import OTHER_STORE_ID, a_head, a_snapshot, an_event, golden
from tests.strategies import events

HEADERS = (
    "x-store-id",
    "x-revision",
    "x-head",
    "x-log-age",
    "x-heartbeat-interval",
)
FOR_PEOPLE = ("x-published-at", "x-reason")


def refused_fields(headers: dict[str, object]) -> set[object]:
    """Return the fields that a refusal of `headers` names; fail when nothing is refused."""
    with pytest.raises(ValidationError) as refused:
        SnapshotEvent.from_headers(headers)
    return {error["loc"][0] for error in refused.value.errors()}


def test_golden() -> None:
    """The headers that travel today are read and written the same for ever."""
    headers = golden("snapshot_event")
    event = SnapshotEvent.from_headers(headers)
    assert event.to_headers() == headers
    assert event.revision == 42
    assert (event.log_age, event.heartbeat_interval) == (0.75, 60.0)


def test_golden_of_a_later_version() -> None:
    """A later version's headers are read: what this version knows is what it was."""
    later = SnapshotEvent.from_headers(golden("later_snapshot_event"))
    known = SnapshotEvent.from_headers(golden("snapshot_event"))
    assert later.model_copy(update={"reason": known.reason}) == known


def test_golden_goes_with_the_golden_snapshot() -> None:
    """An event's headers say what its body says."""
    event = SnapshotEvent.from_headers(golden("snapshot_event"))
    snapshot = CampaignSnapshot.model_validate(golden("snapshot"))
    assert event.position == snapshot.position


@given(events())
def test_round_trip(event: SnapshotEvent) -> None:
    """Every event that is sent is received equal, and each of its headers is a text."""
    headers = event.to_headers()
    assert set(HEADERS) <= set(headers) <= {*HEADERS, *FOR_PEOPLE}
    assert all(isinstance(value, str) and value.isascii() for value in headers.values())
    assert SnapshotEvent.from_headers(headers) == event


def test_headers_of_others_are_ignored() -> None:
    """What brokers and proxies add to the headers does not matter."""
    event = an_event(revision=7)
    headers = {**event.to_headers(), "x-death": [{"count": 1}], "date": "today", "revision": "9"}
    assert SnapshotEvent.from_headers(headers) == event


def test_numbers_may_come_as_numbers() -> None:
    """A header that another client sent as an AMQP number is read too."""
    headers = {**an_event().to_headers(), "x-revision": 5, "x-log-age": 2.5}
    event = SnapshotEvent.from_headers(headers)
    assert (event.revision, event.log_age) == (5, 2.5)


@pytest.mark.parametrize("header", HEADERS)
def test_a_missing_header_is_refused(header: str) -> None:
    """Every header is needed; the refusal names the field."""
    headers: dict[str, object] = dict(an_event().to_headers())
    del headers[header]
    assert refused_fields(headers) == {header.removeprefix("x-").replace("-", "_")}


@pytest.mark.parametrize("header", FOR_PEOPLE)
def test_headers_for_people_may_be_missing(header: str) -> None:
    """An event is read without the time and the reason of its sending."""
    headers: dict[str, object] = dict(an_event().to_headers())
    del headers[header]
    assert SnapshotEvent.from_headers(headers).position == an_event().position


def test_a_reason_of_a_later_version_is_read() -> None:
    """A reason that this version does not know is no reason to refuse an event."""
    headers = {**an_event().to_headers(), "x-reason": "boredom"}
    assert SnapshotEvent.from_headers(headers).reason == "boredom"


def test_no_headers_at_all() -> None:
    """A message without our headers is refused for all of them."""
    assert len(refused_fields({})) == len(HEADERS)


@pytest.mark.parametrize("value", ["", "garbage", None, [], {}, "\0", "-1", "nan"])
@pytest.mark.parametrize("header", HEADERS)
def test_garbage_is_refused(header: str, value: object) -> None:
    """A header that is not what it must be is refused, naming the field."""
    headers = {**an_event().to_headers(), header: value}
    assert refused_fields(headers) == {header.removeprefix("x-").replace("-", "_")}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-revision", str(2**63)),
        ("x-revision", "5.5"),
        ("x-revision", "1e3"),
        ("x-log-age", "inf"),
        ("x-log-age", "-0.001"),
        ("x-heartbeat-interval", "0"),
        ("x-heartbeat-interval", "-60"),
        ("x-heartbeat-interval", "inf"),
    ],
)
def test_numbers_out_of_range_are_refused(header: str, value: str) -> None:
    """Revisions are 64-bit, ages not negative, intervals positive, and all are finite."""
    assert refused_fields({**an_event().to_headers(), header: value})


@pytest.mark.parametrize("header", ["x-revision", "x-log-age", "x-heartbeat-interval"])
def test_booleans_are_refused(header: str) -> None:
    """An AMQP boolean is no number."""
    assert refused_fields({**an_event().to_headers(), header: True})


def test_position_of_an_event() -> None:
    """An event and a snapshot of the same place in the log have the same position."""
    assert an_event(revision=3).position == a_snapshot(revision=3).position
    assert an_event(revision=3).position != a_snapshot(revision=4).position
    assert an_event(revision=3).position != an_event(revision=3, head=a_head(9)).position
    assert an_event().position != an_event(store_id=OTHER_STORE_ID).position


def test_etag_names_store_and_revision() -> None:
    """The ETag of a snapshot is weak, and another one for every store and revision."""
    event = SnapshotEvent.from_headers(golden("snapshot_event"))
    assert snapshot_etag(event.position) == 'W/"8d0c7a4e-5b1f-4c39-9a53-2f6f1d8e0b71-42"'
    assert snapshot_etag(an_event(revision=1).position) != snapshot_etag(
        an_event(revision=2).position
    )
    assert snapshot_etag(an_event().position) != snapshot_etag(
        an_event(store_id=OTHER_STORE_ID).position
    )


def test_names_on_the_wire() -> None:
    """Exchanges, queues, types and paths keep their names: both services must agree."""
    assert wire.SNAPSHOT_EXCHANGE == "campaigns.snapshot"
    assert wire.DEAD_LETTER_EXCHANGE == wire.DEAD_LETTER_QUEUE == "campaigns.dead"
    assert wire.INSTANCE_QUEUE_PREFIX == "profile."
    assert (wire.SNAPSHOT_TYPE, wire.HEARTBEAT_TYPE) == (
        "campaigns.snapshot",
        "campaigns.heartbeat",
    )
    assert wire.SNAPSHOT_PATH == "/snapshot"
    assert wire.MAX_SNAPSHOT_BYTES == 12 * 1024 * 1024
