"""Importing profiles from NDJSON, as it comes: in pieces of any size."""

import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import Unavailable
from profile_service.importing import (
    BATCH_BYTES,
    BATCH_PROFILES,
    ImportReport,
    import_profiles,
)
from profile_service.lines import MAX_ERRORS, MAX_LINE_BYTES, LineError
from testbed.builders import a_profile
from testbed.fakes import InMemoryProfiles
from tests.profile_service.services import a_service
from tests.turns import counted_turns

LONG = a_profile("long", _note="x" * MAX_LINE_BYTES)


def line(player_id: str, **fields: Any) -> bytes:
    """Return a line that is right."""
    return orjson.dumps(a_profile(player_id, **fields)) + b"\n"


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    """Return a body as it comes over the network."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def imported(
    body: bytes, profiles: InMemoryProfiles | None = None, *, size: int = 65536
) -> ImportReport:
    """Import a body and give the report."""
    report = ImportReport()
    await import_profiles(a_service(profiles or InMemoryProfiles()), in_pieces(body, size), report)
    return report


async def test_all_lines_are_written() -> None:
    """New ones are created, stored ones replaced but for their active campaigns."""
    profiles = InMemoryProfiles(a_profile("b", active_campaigns=["theirs"]))
    report = await imported(line("a") + line("b", level=9) + line("c"), profiles)
    assert report == ImportReport(received=3, created=2, replaced=1)
    assert profiles.documents["b"]["level"] == 9
    assert profiles.documents["b"]["active_campaigns"] == ["theirs"]


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (b'{"player_id": "x", ', "is not valid JSON"),
        (b"[" * 10_000, "is not valid JSON"),
        (b'{"player_id": "x", "level": NaN}', "is not valid JSON"),
        (b'{"player_id": "x", "level": 1e400}', "is not valid JSON"),
        (b'{"player_id": "\\ud800"}', "is not valid JSON"),
        (b"\xff", "is not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"{}", "player_id"),
        (b'{"player_id": "a/b"}', "player_id"),
        (b'{"player_id": "x", "level": -1}', "level"),
        (b'{"player_id": "x", "inventory": {"item_1": -1}}', "inventory.item_1"),
        (b'{"player_id": "x", "foreign": 1}', "foreign"),
        (b'{"player_id": "x", "_id": 1}', "_id"),
        (b'{"player_id": "x", "_a": {"$set": 1}}', "$set"),
        (b'{"player_id": "x", "inventory": {"a.b": 1}}', "a.b"),
        (orjson.dumps(LONG), "1048576"),
    ],
)
async def test_a_broken_line_in_the_middle_is_named(broken: bytes, named: str) -> None:
    """The good ones around it are in."""
    profiles = InMemoryProfiles()
    report = await imported(line("a") + broken + b"\n" + line("b"), profiles)
    assert set(profiles.documents) == {"a", "b"}
    assert (report.received, report.created, report.failed) == (3, 2, 1)
    [error] = report.errors
    assert error.line == 2
    assert named in error.detail


async def test_lines_that_what_is_stored_does_not_let_in_are_named() -> None:
    """All lines of that player are refused, and the others are in."""
    profiles = InMemoryProfiles()
    profiles.taken = {"b"}
    report = await imported(line("b") + line("a") + line("b") + line("c") + line("c"), profiles)
    assert set(profiles.documents) == {"a", "c"}
    assert (report.received, report.created, report.replaced, report.failed) == (5, 2, 1, 2)
    assert [error.line for error in report.errors] == [1, 3]
    assert "another document" in report.errors[0].detail


async def test_empty_lines_are_numbered_and_not_counted() -> None:
    """A file may end its lines and itself as it likes."""
    body = b"\n\r\n" + line("a")[:-1] + b"\r\n  \n{}\n\n" + line("b")[:-1]
    report = await imported(body)
    assert (report.received, report.created) == (3, 2)
    assert [error.line for error in report.errors] == [5]


@pytest.mark.parametrize("body", [b"", b"\n", b"  \r\n\n"])
async def test_nothing_is_nothing(body: bytes) -> None:
    """An empty file is imported."""
    assert await imported(body) == ImportReport()


async def test_a_line_may_be_as_long_as_the_limit() -> None:
    """And not a byte longer, whether it ends or not."""
    exact = line("a", _note="")[:-1]
    exact = exact.replace(b'"_note":""', b'"_note":"' + b"x" * (MAX_LINE_BYTES - len(exact)) + b'"')
    assert len(exact) == MAX_LINE_BYTES
    report = await imported(exact + b"\n" + exact.replace(b"xx", b"xxx", 1) + b"\n" + line("b"))
    assert report.created == 2
    assert report.errors == [LineError(2, f"a line must not be over {MAX_LINE_BYTES} bytes")]
    endless = await imported(line("a") + b"x" * 5 * MAX_LINE_BYTES)
    assert [error.line for error in endless.errors] == [2]


async def test_a_line_without_an_end_is_not_held_in_memory() -> None:
    """However much of it comes, little more than the limit is kept."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(512):
            yield b"x" * 65536
        yield b"\n" + line("a")

    report = ImportReport()
    tracemalloc.start()
    try:
        await import_profiles(a_service(InMemoryProfiles()), endless(), report)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MAX_LINE_BYTES
    assert (report.created, [error.line for error in report.errors]) == (1, [1])


async def test_of_two_lines_for_one_player_the_later_wins() -> None:
    """Both are counted, whether they come in one batch or in two."""
    for between in (0, BATCH_PROFILES):
        profiles = InMemoryProfiles()
        others = b"".join(line(str(number)) for number in range(between))
        report = await imported(line("a", level=1) + others + line("a", level=2), profiles)
        assert profiles.documents["a"]["level"] == 2
        assert (report.created, report.replaced) == (1 + between, 1)


async def test_the_first_hundred_errors_are_named() -> None:
    """The rest is counted."""
    report = await imported(b"{}\n" * (MAX_ERRORS + 50))
    assert report.failed == MAX_ERRORS + 50
    assert [error.line for error in report.errors] == list(range(1, MAX_ERRORS + 1))


async def test_batches_are_bounded() -> None:
    """By number and by bytes, so that an import of any length needs little memory."""
    sizes: list[int] = []

    class Counting(InMemoryProfiles):
        async def put(self, profiles: Any) -> Any:
            sizes.append(len(profiles))
            return await super().put(profiles)

    body = b"".join(line(str(number)) for number in range(BATCH_PROFILES + 1))
    await imported(body, Counting())
    assert sizes == [BATCH_PROFILES, 1]
    sizes.clear()
    body = b"".join(line(str(number), _note="x" * 1_000_000) for number in range(10))
    await imported(body, Counting())
    assert max(sizes) <= BATCH_BYTES // 1_000_000 + 1


async def test_an_import_that_breaks_off_tells_how_far_it_came() -> None:
    """What is counted is written; nothing of the batch that failed is."""

    class Failing(InMemoryProfiles):
        async def put(self, profiles: Any) -> Any:
            self.unavailable = bool(self.documents)
            return await super().put(profiles)

    report = ImportReport()
    profiles = Failing()
    lines = [line(str(number)) for number in range(BATCH_PROFILES)]
    body = b"".join([*lines, b"{}\n", line("twice"), line("twice")])
    with pytest.raises(Unavailable):
        await import_profiles(a_service(profiles), in_pieces(body, 65536), report)
    assert (report.created, report.replaced, report.failed) == (BATCH_PROFILES, 0, 1)
    assert len(profiles.documents) == BATCH_PROFILES
    # The refused line is settled; both lines of the batch that failed are to be sent again.
    assert report.reached == BATCH_PROFILES + 1


@pytest.mark.parametrize("failing", [0, 3])
async def test_going_on_from_the_line_reached_loses_nothing(failing: int) -> None:
    """Whenever the store fails, sending the rest of the file completes the import."""

    class FailingLater(InMemoryProfiles):
        writes = 0

        async def put(self, profiles: Any) -> Any:
            self.unavailable = self.writes == failing
            self.writes += 1
            return await super().put(profiles)

    profiles = FailingLater()
    service = a_service(profiles)
    count = 5 * BATCH_PROFILES
    lines = [line(str(number)) if number % 7 else b"\n" for number in range(count)]
    report = ImportReport()
    with pytest.raises(Unavailable):
        await import_profiles(service, in_pieces(b"".join(lines), 65536), report)
    rest = b"".join(lines[report.reached :])
    await import_profiles(service, in_pieces(rest, 65536), ImportReport())
    assert profiles.documents.keys() == {str(number) for number in range(count) if number % 7}


@given(
    kinds=st.lists(st.sampled_from(("good", "bad", "empty")), max_size=12),
    size=st.integers(1, 40),
    ends=st.booleans(),
)
async def test_it_does_not_matter_how_the_bytes_come(
    *, kinds: list[str], size: int, ends: bool
) -> None:
    """Cut anywhere, the same lines are written and the same ones named."""
    lines = {"good": b'{"player_id": "%d"}', "bad": b'{"player_id": %d}', "empty": b""}
    body = b"\n".join(
        lines[kind] % number if kind != "empty" else b"" for number, kind in enumerate(kinds, 1)
    )
    profiles = InMemoryProfiles()
    report = await imported(body + b"\n" * ends, profiles, size=size)
    wrong = [number for number, kind in enumerate(kinds, 1) if kind == "bad"]
    right = {str(number) for number, kind in enumerate(kinds, 1) if kind == "good"}
    assert [error.line for error in report.errors] == wrong
    assert set(profiles.documents) == right
    assert report.received == len(wrong) + len(right)


async def test_others_run_between_the_lines_of_one_piece() -> None:
    """Many lines that come at once hold up nobody, though nothing of them is written."""
    async with counted_turns() as turns:
        report = await imported(b"{}\n" * 20_000)
    assert report.failed == 20_000
    assert next(turns) >= 10
