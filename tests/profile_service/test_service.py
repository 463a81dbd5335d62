"""ProfileService, where its profiles make trouble."""

from collections.abc import Sequence

import pytest

from foundation.errors import Unavailable
from profile_service.profiles.loader import MAX_WAITING
from profile_service.profiles.repository import ProfileDocument, ProfileUnreadable
from testbed.builders import a_profile
from testbed.fakes import InMemoryProfiles
from tests.profile_service.services import a_service


class UnreadableProfiles(InMemoryProfiles):
    """Profiles that are stored, and that nobody can decode."""

    async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
        raise ProfileUnreadable(f"one of {len(player_ids)}")


async def test_a_profile_that_cannot_be_read_is_not_missing() -> None:
    """503: it is there, and somebody has to look at it."""
    service = a_service(UnreadableProfiles(a_profile("one")))
    with pytest.raises(Unavailable, match="cannot be read"):
        await service.profile("one")


async def test_one_request_too_many_is_told_to_come_again() -> None:
    """503 with Retry-After, at once."""
    service = a_service(InMemoryProfiles(a_profile("one")))
    service.loader.waiting = MAX_WAITING
    with pytest.raises(Unavailable, match="too many requests wait") as refused:
        await service.profile("one")
    assert int(refused.value.headers["Retry-After"]) >= 1
    assert service.loader.refused == 1
    service.loader.waiting = 0
    assert await service.profile("one") == a_profile("one")
    await service.close()


async def test_a_request_after_the_stop_is_told_so() -> None:
    """It is 503, and not counted as one too many."""
    service = a_service(InMemoryProfiles(a_profile("one")))
    await service.close()
    with pytest.raises(Unavailable, match="the service is stopping"):
        await service.profile("one")
    assert service.loader.refused == 0
