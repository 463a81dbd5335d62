"""What the app's lifespan makes and its routes use."""

from dataclasses import dataclass

from foundation.draining import Draining
from foundation.tokens import Tokens
from profile_service.cache.campaigns import CampaignCache
from profile_service.health import Health
from profile_service.service import ProfileService


@dataclass(frozen=True)
class ProfileServiceState:
    """The parts of a running profile service."""

    service: ProfileService
    cache: CampaignCache
    health: Health
    admin_tokens: Tokens
    draining: Draining
