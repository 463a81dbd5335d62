"""What the app's lifespan makes and its routes use."""

from dataclasses import dataclass

from foundation.draining import Draining
from foundation.tokens import Tokens
from profile_service.cache.campaigns import CampaignCache
from profile_service.consumers import EventHandler, Subscription
from profile_service.health import Health
from profile_service.pending_updates import PendingUpdates
from profile_service.service import ProfileService


@dataclass(frozen=True)
class ProfileServiceState:
    """The parts of a running profile service."""

    service: ProfileService
    cache: CampaignCache
    updates: PendingUpdates
    events: EventHandler
    subscription: Subscription
    health: Health
    admin_tokens: Tokens
    client_tokens: Tokens | None
    draining: Draining
