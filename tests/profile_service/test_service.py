"""ProfileService, where its profiles make trouble."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from foundation.errors import Unavailable
from profile_service.cache.cache import CampaignCache
from profile_service.profiles.loader import MAX_WAITING
from profile_service.profiles.repository import ProfileDocument, ProfileUnreadable
from profile_service.service import ProfileService
from testbed.builders import a_profile
from testbed.fakes import FakeClock, InMemoryProfiles


class UnreadableProfiles(InMemoryProfiles):
    """Profiles that are stored, and that nobody can decode."""

    async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
        raise ProfileUnreadable(f"one of {len(player_ids)}")


def a_service(profiles: InMemoryProfiles) -> ProfileService:
    """Give a service without campaigns."""
    cache = CampaignCache(ttl=timedelta(minutes=5), follow_new_store=False, clock=FakeClock())
    return ProfileService(profiles=profiles, cache=cache, updates=None, clock=FakeClock())


async def test_a_profile_that_cannot_be_read_is_not_missing() -> None:
    """503: it is there, and somebody has to look at it."""
    service = a_service(UnreadableProfiles(a_profile("one")))
    with pytest.raises(Unavailable, match="cannot be read"):
        await service.profile("one")


async def test_one_request_too_many_is_told_to_come_again() -> None:
    """503 with Retry-After, at once."""
    service = a_service(InMemoryProfiles(a_profile("one")))
    service.loader.waiting = MAX_WAITING
    with pytest.raises(Unavailable) as refused:
        await service.profile("one")
    assert int(refused.value.headers["Retry-After"]) >= 1
    assert service.loader.refused == 1
    service.loader.waiting = 0
    assert await service.profile("one") == a_profile("one")
    await service.close()
