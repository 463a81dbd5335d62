"""The history of the campaigns, page by page."""

from itertools import pairwise

import orjson
import pytest

from campaign_publisher.log.change import Change
from campaign_publisher.log.history import MAX_CHANGES, MAX_CHANGES_BYTES, Page, read_page
from foundation.errors import Unavailable
from testbed.builders import STORE_ID, a_campaign, a_segment
from testbed.fakes import InMemoryLog
from tests.campaign_publisher.replicas import a_change, a_loaded_replica


def revisions(page: Page) -> list[int]:
    """Return the revisions on a page."""
    return [orjson.loads(change)["revision"] for change in page.changes]


@pytest.mark.parametrize("more", [-1, 0, 1])
async def test_a_page_holds_a_thousand_changes(more: int) -> None:
    """There is a next page only when there is something on it."""
    log = InMemoryLog(*(a_change(revision) for revision in range(MAX_CHANGES + more)))
    log_replica = (await a_loaded_replica(log)).log_replica
    page = await read_page(log_replica, -1)
    assert page.store_id == STORE_ID
    assert revisions(page) == list(range(min(MAX_CHANGES, MAX_CHANGES + more)))
    assert page.next == (MAX_CHANGES - 1 if more == 1 else None)
    if page.next is not None:
        last = await read_page(log_replica, page.next)
        assert (revisions(last), last.next) == ([MAX_CHANGES], None)


async def test_pages_of_large_changes_are_shorter() -> None:
    """Pages stay within their bytes, and following `next` gives every change once, in order."""
    large = [a_change(revision, actor="x" * (MAX_CHANGES_BYTES // 3)) for revision in range(1, 6)]
    log_replica = (await a_loaded_replica(InMemoryLog(a_change(0), *large))).log_replica
    found: list[int] = []
    since: int | None = -1
    while since is not None:
        page = await read_page(log_replica, since)
        assert sum(map(len, page.changes)) <= MAX_CHANGES_BYTES
        found += revisions(page)
        since = page.next
    assert found == list(range(6))
    assert all(later == earlier + 1 for earlier, later in pairwise(found))


async def test_a_change_that_fills_a_page_is_on_one() -> None:
    """A change over the bytes of a page does not stop the history."""
    large = a_change(1, actor="x" * (MAX_CHANGES_BYTES + 1))
    log = InMemoryLog(a_change(0), large, a_change(2))
    log_replica = (await a_loaded_replica(log)).log_replica
    page = await read_page(log_replica, 0)
    assert (revisions(page), page.next) == ([1], 1)


async def test_changes_are_shown_whole() -> None:
    """Actor, operation and time, with all that was put and deleted, as the log has them."""
    change = a_change(
        1,
        a_campaign("a"),
        deleted=["b"],
        actor="anna",
        put_segments=[a_segment("c")],
        deleted_segments=["d"],
    )
    log_replica = (await a_loaded_replica(InMemoryLog(a_change(0), change))).log_replica
    [shown] = (await read_page(log_replica, 0)).changes
    assert Change.model_validate_json(shown) == change


async def test_a_log_that_is_away_has_no_history() -> None:
    """It is a 503, not an empty page."""
    log = InMemoryLog(a_change(0))
    log_replica = (await a_loaded_replica(log)).log_replica
    log.unavailable = True
    with pytest.raises(Unavailable):
        await read_page(log_replica, -1)


async def test_an_outage_of_the_history_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often /changes is asked, there is one line when it begins to fail, and one after."""
    caplog.set_level("INFO", logger="campaign_publisher.log")
    log = InMemoryLog(a_change(0))
    log_replica = (await a_loaded_replica(log)).log_replica
    caplog.clear()
    log.unavailable = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await read_page(log_replica, -1)
    log.unavailable = False
    await read_page(log_replica, -1)
    assert [record.getMessage() for record in caplog.records] == [
        "the changes cannot be read: the test has switched it off",
        "the changes can be read again",
    ]


async def test_a_log_that_was_replaced_has_no_history() -> None:
    """Changes of a log under the name of another store are a 503, until it is renewed."""
    log = InMemoryLog(a_change(0), a_change(1), a_change(2))
    replica = await a_loaded_replica(log)
    del log.changes[1:]
    await replica.log_replica.follow()
    with pytest.raises(Unavailable, match="replaced"):
        await read_page(replica.log_replica, -1)
    renewed = await replica.service.renew(actor="anna")
    page = await read_page(replica.log_replica, -1)
    assert (page.store_id, revisions(page)) == (renewed.store_id, [0, 1])
