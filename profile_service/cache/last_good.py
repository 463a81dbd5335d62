"""The last-good file: the held snapshot on disk, for a start while nobody answers."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import Field, ValidationError

from contracts.contract import Received
from contracts.instants import Instant
from contracts.snapshot import Uuid
from foundation.backoff import Backoff
from foundation.clock import Clock
from profile_service.cache.cache import CampaignCache
from profile_service.cache.reading import UnreadableSnapshot, read_snapshot
from profile_service.cache.snapshot import HeldSnapshot

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 60.0
FORMAT: Final = 1


class LastGoodHeader(Received):
    """All of the file but the snapshot: its campaign service, and when it was last confirmed."""

    format: Literal[1]
    campaigns_url: str
    confirmed_at: Instant
    left_stores: Annotated[tuple[Uuid, ...], Field(strict=False)] = ()


class LastGoodFile:
    """One file, written atomically, for one instance and one campaign service."""

    def __init__(self, path: Path, *, campaigns_url: str, clock: Clock) -> None:
        self._path = path
        self._campaigns_url = campaigns_url
        self._clock = clock

    async def restore(self, cache: CampaignCache) -> None:
        """Restore the file's snapshot into the cache; log an unusable file, and leave it."""
        try:
            content = await asyncio.to_thread(self._path.read_bytes)
        except FileNotFoundError:
            logger.info("no last-good file at %s yet", self._path)
            return
        except OSError as error:
            logger.warning("last-good file refused: %s", error.strerror)
            return
        try:
            header, snapshot = self._open(content)
            position, campaigns = await read_snapshot(snapshot, None, game=cache.game)
        except (UnreadableSnapshot, ValueError) as error:
            logger.warning("last-good file refused: %s", error)
            return
        age = (self._clock.now() - header.confirmed_at).total_seconds()
        as_of = self._clock.elapsed() - max(0.0, age)
        held = HeldSnapshot(
            position=position.position,
            campaigns=campaigns,
            body=snapshot,
            as_of=as_of,
            first_seen=as_of,
            confirmed_at=header.confirmed_at,
            confirmed=False,
        )
        cache.restore(held, header.left_stores)
        logger.warning("serving revision %d from the last-good file", position.revision)

    async def keep(self, cache: CampaignCache) -> None:
        """Write after each swap, and once a minute when only the confirmation is newer."""
        written: HeldSnapshot | None = None
        backoff = Backoff(base=1.0, cap=REFRESH_SECONDS)
        while True:
            cache.changed.clear()
            held = cache.held
            if held is not None and held.confirmed and _is_news(written, held):
                try:
                    await asyncio.to_thread(self._write, held, cache.left_stores)
                except OSError as error:
                    logger.warning("last-good file not written: %s", error.strerror)
                    await asyncio.sleep(backoff.next())
                    continue
                written = held
                backoff.reset()
            await cache.changed.wait()

    def _open(self, content: bytes) -> tuple[LastGoodHeader, bytes]:
        """Split the file into its first line, a header, and the snapshot.

        Raises:
            ValueError: it is not such a file, or that of another campaign service.
        """
        line, _, snapshot = content.partition(b"\n")
        try:
            header = LastGoodHeader.model_validate(orjson.loads(line))
        except (ValidationError, orjson.JSONDecodeError):
            raise ValueError("it is not a last-good file, or it is broken") from None
        if header.campaigns_url != self._campaigns_url:
            # Neither URL is shown: they may hold a password.
            raise ValueError("it is that of another CAMPAIGNS_URL")
        return header, snapshot

    def _write(self, held: HeldSnapshot, left_stores: tuple[Any, ...]) -> None:
        header = LastGoodHeader(
            format=FORMAT,
            campaigns_url=self._campaigns_url,
            confirmed_at=held.confirmed_at,
            left_stores=left_stores,
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        try:
            with open(beside, "wb", opener=_for_the_owner) as file:
                file.write(header.model_dump_json().encode() + b"\n" + held.body)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        finally:
            beside.unlink(missing_ok=True)


def _for_the_owner(path: str, flags: int) -> int:
    """Open a file that nobody else may read: CAMPAIGNS_URL may hold a password."""
    return os.open(path, flags, 0o600)


def _is_news(written: HeldSnapshot | None, held: HeldSnapshot) -> bool:
    return (
        written is None
        or written.position != held.position
        or held.as_of - written.as_of >= REFRESH_SECONDS
    )
