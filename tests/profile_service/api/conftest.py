"""A running profile service in this process, with what it needs from outside in memory."""

from collections.abc import AsyncIterator

import httpx
import pytest

from testbed.builders import a_profile, a_published_campaign, a_snapshot
from testbed.fakes import FakeOrigin, InMemoryProfiles
from tests.apps import ProfileParts, a_profile_app, serving
from tests.simulated_time import settle

SNAPSHOT = a_snapshot([a_published_campaign()], revision=5)


@pytest.fixture
def parts() -> ProfileParts:
    """One player who is in the one campaign that the origin serves, at revision 5."""
    return ProfileParts(profiles=InMemoryProfiles(a_profile()), origin=FakeOrigin(SNAPSHOT))


@pytest.fixture
async def client(parts: ProfileParts) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service, which holds the snapshot already."""
    async with serving(a_profile_app(parts)) as client:
        await settle()
        yield client
