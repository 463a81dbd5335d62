"""Writes of profiles that depend on what is stored, in each store."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.errors import NotFound, PreconditionFailed
from foundation.preconditions import Preconditions
from profile_service.profiles.rendering import etag_of_profile
from profile_service.profiles.repository import ActiveCampaignsUpdate, ProfileRepository
from profile_service.service import ProfileService
from testbed.builders import PLAYER_ID, a_profile
from tests.profile_service.profiles.stores import stored
from tests.profile_service.services import a_service

NEW = Preconditions(if_none_match="*")
ANY = Preconditions(if_match="*")


def matching(etag: str) -> Preconditions:
    """Return the condition that what is stored has this ETag."""
    return Preconditions(if_match=etag)


async def test_a_write_that_depends_on_an_etag(profiles: ProfileRepository) -> None:
    """It replaces what has that ETag, and leaves alone what has another."""
    service = a_service(profiles)
    first = await service.put(PLAYER_ID, a_profile(level=1))
    second = await service.put(PLAYER_ID, a_profile(level=2), matching(first.etag))
    assert not second.created
    with pytest.raises(PreconditionFailed):
        await service.put(PLAYER_ID, a_profile(level=3), matching(first.etag))
    assert (await stored(profiles))["level"] == 2
    with pytest.raises(PreconditionFailed):
        await service.delete(PLAYER_ID, matching(first.etag))
    await service.delete(PLAYER_ID, matching(second.etag))
    assert await profiles.get(PLAYER_ID) is None


async def test_a_write_that_depends_on_there_being_none(profiles: ProfileRepository) -> None:
    """It creates, and never replaces; one that depends on there being some never creates."""
    service = a_service(profiles)
    for conditions in (ANY, matching('"any"')):
        with pytest.raises(PreconditionFailed):
            await service.put(PLAYER_ID, a_profile(), conditions)
        with pytest.raises(PreconditionFailed):
            await service.delete(PLAYER_ID, conditions)
    assert (await service.put(PLAYER_ID, a_profile(level=1), NEW)).created
    with pytest.raises(PreconditionFailed):
        await service.put(PLAYER_ID, a_profile(level=2), NEW)
    with pytest.raises(PreconditionFailed):
        await service.delete(PLAYER_ID, NEW)
    assert (await stored(profiles))["level"] == 1
    await service.delete(PLAYER_ID, ANY)
    with pytest.raises(NotFound):
        await service.delete(PLAYER_ID, NEW)


async def test_the_etag_of_a_write_is_that_of_a_read(profiles: ProfileRepository) -> None:
    """A writer can go on without reading, in whatever order it sends the fields."""
    service = a_service(profiles)
    created = await service.put(PLAYER_ID, a_profile(level=1, _a={"b": [1.0, None]}))
    assert etag_of_profile(await stored(profiles)) == created.etag
    turned = dict(reversed(a_profile(level=2, _a={"b": [1.5]}).items()))
    replaced = await service.put(PLAYER_ID, turned, matching(created.etag))
    assert etag_of_profile(await stored(profiles)) == replaced.etag


async def test_the_services_own_update_fails_nobodys_write(profiles: ProfileRepository) -> None:
    """The ETag does not cover `active_campaigns`, which stay what the service has written."""
    service = a_service(profiles)
    etag = (await service.put(PLAYER_ID, a_profile(level=1))).etag
    update = ActiveCampaignsUpdate(PLAYER_ID, [], ["a"])
    assert await profiles.update_active_campaigns([update]) == 1
    replaced = await service.put(PLAYER_ID, a_profile(level=2), matching(etag))
    assert replaced.document["active_campaigns"] == ["a"]
    assert await stored(profiles) == a_profile(level=2, active_campaigns=["a"])


@dataclass
class History:
    """Which versions of a profile were made, and which were replaced or removed by whom."""

    made: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    created: int = 0
    removed: int = 0
    numbers: Iterator[int] = field(default_factory=itertools.count)


async def write(service: ProfileService, player_id: str, kind: str, history: History) -> None:
    """Read the profile, then write or remove just that version of it."""
    try:
        before = await service.profile(player_id)
    except NotFound:
        before = None
    version = next(history.numbers)
    body = a_profile(player_id, _version=version)
    try:
        if before is None:
            await service.put(player_id, body, NEW)
            history.created += 1
        elif kind == "remove":
            await service.delete(player_id, matching(etag_of_profile(before)))
            history.removed += 1
            history.ended.append(before["_version"])
            return
        else:
            await service.put(player_id, body, matching(etag_of_profile(before)))
            history.ended.append(before["_version"])
    except PreconditionFailed:
        return
    history.made.append(version)


async def update(profiles: ProfileRepository, player_id: str, name: str) -> None:
    """Set the active campaigns, as the service does behind its answers."""
    document = await profiles.get(player_id)
    if document is not None:
        read = document["active_campaigns"]
        new = ActiveCampaignsUpdate(player_id, read, [*read, name])
        await profiles.update_active_campaigns([new])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    programs=st.lists(
        st.lists(st.sampled_from(("replace", "replace", "remove", "update")), max_size=6),
        min_size=2,
        max_size=6,
    )
)
async def test_no_write_is_lost(profiles: ProfileRepository, programs: list[list[str]]) -> None:
    """Of concurrent writers each version is replaced or removed by one at most."""
    player_id = uuid4().hex
    service, history = a_service(profiles), History()

    async def run(program: list[str]) -> None:
        for step in program:
            if step == "update":
                await update(profiles, player_id, "a")
            else:
                await write(service, player_id, step, history)

    await asyncio.gather(*map(run, programs))
    await service.close()
    assert len(history.ended) == len({*history.ended})
    assert {*history.ended} <= {*history.made}
    left: list[Any] = [each for each in history.made if each not in history.ended]
    document = await profiles.get(player_id)
    assert left == ([] if document is None else [document["_version"]])
    assert history.created - history.removed == len(left)


async def test_many_writers_count_without_losing_one(profiles: ProfileRepository) -> None:
    """Each retries until its own increment is in."""
    service = a_service(profiles)
    await service.put(PLAYER_ID, a_profile(level=0))

    async def increment() -> None:
        while True:
            before = await stored(profiles)
            try:
                await service.put(
                    PLAYER_ID,
                    a_profile(level=before["level"] + 1),
                    matching(etag_of_profile(before)),
                )
            except PreconditionFailed:
                continue
            return

    updates = [update(profiles, PLAYER_ID, str(number)) for number in range(10)]
    await asyncio.gather(*(increment() for _ in range(12)), *updates)
    assert (await stored(profiles))["level"] == 12
