"""Changes as the documents that logs keep."""

import orjson
import pytest

from campaign_publisher.log.change import Change, Operation
from campaign_publisher.log.documents import from_document, to_document
from testbed.builders import a_campaign, golden
from tests.campaign_publisher.replicas import a_change


@pytest.mark.parametrize("name", ["change_segments", "later_change"])
async def test_golden(name: str) -> None:
    """A change with segments is read and written the same for ever."""
    change = await from_document(golden(name))
    assert await to_document(change) == golden(name)
    assert orjson.loads(change.model_dump_json(exclude_none=True)) == {
        "put": [],
        **golden(name),
    }
    assert Change.model_validate_json(orjson.dumps(golden(name))) == change


async def test_golden_values() -> None:
    """The segments of the golden change are read as what they are."""
    change = await from_document(golden("change_segments"))
    assert change.op == Operation.PUT_SEGMENT
    [segment] = change.put_segments
    assert (segment.name, segment.matchers.segments()) == ("whales", {"newcomers"})
    assert change.deleted_segments == ("old",)


async def test_without_segments_a_change_has_the_form_of_before() -> None:
    """No key of segments is in the document of a change that has none."""
    change = a_change(1, a_campaign("a"), deleted=["b"])
    document = await to_document(change)
    assert [*document] == ["revision", "id", "previous", "at", "actor", "op", "deleted", "put"]
    assert "segments" not in change.model_dump_json()


@pytest.mark.parametrize("key", ["put", "put_segments"])
async def test_what_was_put_must_be_a_list(key: str) -> None:
    """Anything else in its place is no change."""
    with pytest.raises(ValueError, match=f"^{key} is no list"):
        await from_document({**golden("change_segments"), key: {}})
