"""Settings of the profile service. Each field is the environment variable of its name."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, HttpUrl, SecretStr
from pydantic_settings import NoDecode

from contracts.keys import Key
from contracts.profile import (
    ACTIVE_CAMPAIGNS_FIELD,
    CUSTOM_PREFIX,
    PLAYER_ID_FIELD,
    RESERVED_KEY,
    Profile,
)
from foundation.durations import Duration
from foundation.settings import ServiceSettings
from foundation.tokens import TokenList, Tokens

_ALWAYS_SHOWN = frozenset({PLAYER_ID_FIELD, ACTIVE_CAMPAIGNS_FIELD})


def _parse_fields(value: Any) -> Any:
    """Read names separated by commas; a mistyped name would leave its field visible."""
    if not isinstance(value, str):
        return value
    names = frozenset(filter(None, (name.strip() for name in value.split(","))))
    for name in names:
        if name in _ALWAYS_SHOWN:
            raise ValueError(f"{name} is what is asked for, and cannot be hidden")
        if name not in Profile.model_fields and not _is_custom(name):
            raise ValueError(
                f"{name} is no field of a profile: fields of a profile, and custom ones, which "
                f"start with '{CUSTOM_PREFIX}', separated by commas"
            )
    return names


def _is_custom(name: str) -> bool:
    return name.startswith(CUSTOM_PREFIX) and name != RESERVED_KEY


def _check_file(path: Path) -> Path:
    """Refuse a path that no file can be written to."""
    if not path.name or path.is_dir():
        raise ValueError("must be a file's path, and is a folder's")
    return path


# NoDecode: lists in the environment would else have to be JSON.
FieldNames = Annotated[frozenset[str], NoDecode, BeforeValidator(_parse_fields)]


class Settings(ServiceSettings):
    """The profile service's settings."""

    campaigns_url: HttpUrl = HttpUrl("http://localhost:54325")
    # Only the campaigns of this game are taken; unset: those of all games.
    game: Key | None = None
    campaigns_ttl: Duration = timedelta(minutes=5)
    # The last-good snapshot is kept here, one path an instance; unset: it is not kept.
    campaigns_backup: Annotated[Path, AfterValidator(_check_file)] | None = None
    follow_new_store: bool = False
    # Past this staleness readiness is 503; unset: never.
    max_staleness: Duration | None = None
    # How long a preview may count.
    preview_timeout: Duration = timedelta(seconds=2)
    persist_active_campaigns: bool = True
    client_token: TokenList = SecretStr("")
    # Top-level fields that /get_client_config leaves out.
    hidden_fields: FieldNames = frozenset()

    @property
    def client_tokens(self) -> Tokens | None:
        """The tokens that allow /get_client_config, an admin's too; None where all may."""
        tokens = self._tokens("client_token")
        return tokens | self.admin_tokens if tokens else None
