"""Settings of the profile service. Each field is the environment variable of its name."""

from datetime import timedelta
from pathlib import Path

from pydantic import HttpUrl

from foundation.durations import Duration
from foundation.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the profile service needs to know."""

    campaigns_url: HttpUrl = HttpUrl("http://localhost:54325")
    campaigns_ttl: Duration = timedelta(minutes=5)
    # The last-good snapshot is kept here, one path an instance; unset: it is not kept.
    campaigns_backup: Path | None = None
    follow_new_store: bool = False
    # Past this staleness readiness is 503; unset: never.
    max_staleness: Duration | None = None
    persist_active_campaigns: bool = True
