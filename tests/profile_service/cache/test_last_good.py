"""The last-good file: what is written, when, and which file is believed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from contracts.snapshot import CampaignSnapshot
from foundation.tasks import running
from profile_service.cache.last_good import REFRESH_SECONDS, LastGoodFile
from testbed.builders import OTHER_STORE_ID, STORE_ID
from testbed.fakes import FakeClock, FakeOrigin
from tests.profile_service.cache.caches import (
    RunCache,
    a_cache,
    held,
    held_revision,
    receive,
    refetching,
    revision,
    take,
)
from tests.simulated_time import settle

URL = "http://campaigns:54325/"
DEADLINE = 10.0


class Instance:
    """A profile service's cache and its last-good file; time passes when a test says so."""

    def __init__(self, path: Path, snapshot: CampaignSnapshot | None = None) -> None:
        self.clock = FakeClock()
        self.origin = FakeOrigin(snapshot)
        self.cache = a_cache(self.origin, clock=self.clock)
        self.path = path
        self.url = URL

    def file(self) -> LastGoodFile:
        """Return its last-good file."""
        return LastGoodFile(self.path, campaigns_url=self.url, clock=self.clock)

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[RunCache]:
        """Run the cache, and keep the file, while the block lasts."""
        async with (
            refetching(self.cache),
            running(lambda: self.file().keep(self.cache), name="last-good file"),
        ):
            yield self.cache


def content(path: Path) -> bytes:
    """Return the file's bytes; none when there is no file."""
    return path.read_bytes() if path.is_file() else b""


def revision_in(path: Path) -> int | None:
    """Return the revision in the file."""
    snapshot = content(path).partition(b"\n")[2]
    return int(orjson.loads(snapshot)["revision"]) if snapshot else None


def spoil_with(path: Path, spoil: "Spoil") -> bytes:
    """Change what the file holds, and give that."""
    spoilt = spoil(content(path))
    assert spoilt != content(path)
    path.write_bytes(spoilt)
    return spoilt


def beside(path: Path) -> list[str]:
    """Name all that is in the file's folder."""
    return [found.name for found in path.parent.iterdir()]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.002)


async def restored(path: Path, *, url: str = URL, after: float = 0.0) -> Instance:
    """Return an instance, started so many seconds later, that was offered the file."""
    instance = Instance(path)
    instance.url = url
    instance.clock.advance(after)
    await instance.file().restore(instance.cache)
    return instance


def mode(path: Path) -> int:
    """Return the file's permissions."""
    return path.stat().st_mode & 0o777


async def a_written_file(path: Path) -> None:
    """Write the file of revision 5."""
    async with Instance(path, revision(5)).keeping():
        await until(lambda: revision_in(path) == 5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is, in a folder that is not there yet."""
    return tmp_path / "folder" / "campaigns"


async def test_what_was_held_is_served_as_stale_until_it_is_confirmed(path: Path) -> None:
    """Its age counts from its last confirmation; the origin's word makes it fresh."""
    await a_written_file(path)
    instance = await restored(path, after=50.0)
    cache = instance.cache
    assert held_revision(cache) == 5
    assert cache.is_stale
    assert cache.staleness == 50.0
    async with refetching(cache):
        assert cache.is_stale
        instance.origin.snapshot = revision(5)
        assert (await cache.refetcher.invalidate()).refetched
        assert not cache.is_stale
        assert cache.staleness == 0.0


async def test_an_event_confirms_what_was_restored(path: Path) -> None:
    """So does one of the held revision, however long ago the log was read."""
    await a_written_file(path)
    cache = (await restored(path)).cache
    await receive(cache, revision(5), log_age=2.0)
    assert not cache.is_stale
    assert cache.staleness == 2.0


async def test_the_file_names_its_campaign_service_and_its_last_confirmation(path: Path) -> None:
    """Its first line is a header, the rest the snapshot as it came; nothing is left beside it."""
    await a_written_file(path)
    header, _, snapshot = content(path).partition(b"\n")
    assert orjson.loads(header)["campaigns_url"] == URL
    assert orjson.loads(header)["confirmed_at"] == "2022-02-01T12:00:00Z"
    assert orjson.loads(snapshot)["revision"] == 5
    assert beside(path) == [path.name]


async def test_the_file_is_for_its_owner_only(path: Path) -> None:
    """It names CAMPAIGNS_URL, which may hold a password."""
    await a_written_file(path)
    assert mode(path) == 0o600


async def test_each_swap_is_written_and_confirmations_once_a_minute(path: Path) -> None:
    """A heartbeat a second is no reason to write a file a second."""
    instance = Instance(path, revision(5))
    async with instance.keeping() as cache:
        await until(lambda: revision_in(path) == 5)
        first = content(path)
        for _ in range(int(REFRESH_SECONDS) - 1):
            instance.clock.advance(1)
            await receive(cache, revision(5))
        assert content(path) == first
        instance.clock.advance(1)
        await receive(cache, revision(5))
        await until(lambda: b"12:01:00" in content(path))
        await take(cache, revision(6))
        await until(lambda: revision_in(path) == 6)


async def test_what_nobody_confirmed_is_not_written(path: Path) -> None:
    """A restored snapshot does not refresh its own file."""
    await a_written_file(path)
    before = content(path)
    instance = await restored(path, after=10 * REFRESH_SECONDS)
    async with instance.keeping() as cache:
        cache.changed.set()
        for _ in range(10):
            await settle()
        assert content(path) == before


async def test_stores_that_were_left_are_remembered(path: Path) -> None:
    """A restart is no way back into one."""
    instance = Instance(path, revision(5))
    async with instance.keeping() as cache:
        instance.origin.snapshot = revision(6, store_id=OTHER_STORE_ID, renewed_from=STORE_ID)
        await cache.refetcher.invalidate()
        await until(lambda: revision_in(path) == 6)
    cache = (await restored(path)).cache
    assert cache.left_stores == (STORE_ID,)
    assert held(cache).position.store_id == OTHER_STORE_ID


async def test_a_restored_store_is_not_replaced_by_another(path: Path) -> None:
    """A restart on a mistyped database empties nothing either."""
    await a_written_file(path)
    instance = await restored(path)
    instance.origin.snapshot = revision(0, store_id=OTHER_STORE_ID)
    async with refetching(instance.cache):
        assert held_revision(instance.cache) == 5
        assert instance.cache.foreign_store == OTHER_STORE_ID


Spoil = Callable[[bytes], bytes]


def _header(**fields: object) -> Spoil:
    def spoil(content: bytes) -> bytes:
        header, _, snapshot = content.partition(b"\n")
        return orjson.dumps({**orjson.loads(header), **fields}) + b"\n" + snapshot

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"\n",
        lambda _: b"\xff" * 100,
        lambda _: b"[" * 100_000,
        lambda content: content[:50],
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: content.partition(b"\n")[0],
        lambda content: content.partition(b"\n")[2],
        lambda content: content.replace(b'"schema":1', b'"schema":2'),
        lambda content: content.replace(b'"enabled":true', b'"enabled":maybe', 1),
        _header(format=2),
        _header(campaigns_url="http://user:secret@elsewhere/"),
        _header(confirmed_at="yesterday"),
        _header(left_stores=["mine"]),
    ],
)
async def test_a_file_that_is_not_ours_is_refused(
    spoil: Spoil, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Foreign, broken, truncated, of another schema: a line in the log, and nothing held."""
    await a_written_file(path)
    spoilt = spoil_with(path, spoil)
    caplog.clear()
    instance = await restored(path)
    assert instance.cache.held is None
    assert any("last-good file refused" in line for line in caplog.messages)
    assert "secret" not in caplog.text
    assert content(path) == spoilt


async def test_a_file_of_another_service_is_not_ours(path: Path) -> None:
    """Each instance is told where its campaigns come from."""
    await a_written_file(path)
    assert (await restored(path, url="http://other/")).cache.held is None


async def test_without_a_file_nothing_is_held(path: Path) -> None:
    """A first start waits for the origin."""
    assert (await restored(path)).cache.held is None


async def test_a_path_that_cannot_be_read_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder in its place does no harm."""
    assert (await restored(tmp_path)).cache.held is None
    assert "last-good file refused" in caplog.text


async def test_a_file_from_the_future_is_no_older_than_now(path: Path) -> None:
    """A clock that was set back meanwhile makes no negative age."""
    await a_written_file(path)
    spoil_with(path, _header(confirmed_at="2099-01-01T00:00:00Z"))
    cache = (await restored(path)).cache
    assert cache.staleness == 0.0
    assert cache.is_stale


async def test_what_cannot_be_written_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With a line in the log and nothing left beside it; no other news is needed."""
    blocked = tmp_path / "folder"
    blocked.mkdir()
    async with Instance(blocked, revision(5)).keeping():
        await until(lambda: "last-good file not written" in caplog.text)
        assert beside(blocked) == [blocked.name]
        blocked.rmdir()
        await until(lambda: revision_in(blocked) == 5)
