"""A profile service without campaigns, over any store."""

from datetime import timedelta

from foundation.clock import Clock
from profile_service.cache.cache import CampaignCache
from profile_service.profiles.repository import ProfileRepository
from profile_service.service import ProfileService
from testbed.fakes import FakeClock


def a_service(profiles: ProfileRepository, *, clock: Clock | None = None) -> ProfileService:
    """Return a service of these profiles; it holds no campaigns."""
    clock = clock or FakeClock()
    cache = CampaignCache(ttl=timedelta(minutes=5), follow_new_store=False, clock=clock)
    return ProfileService(profiles=profiles, cache=cache, updates=None, clock=clock)
