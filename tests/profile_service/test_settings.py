"""The profile service's settings, as the environment gives them."""

from datetime import timedelta
from pathlib import Path

import pytest

from foundation.settings import load
from profile_service.settings import Settings


def test_defaults() -> None:
    """Without any variable it talks to what runs on the same machine, and believes no new store."""
    known = load(Settings)
    assert str(known.campaigns_url) == "http://localhost:54325/"
    assert known.campaigns_ttl == timedelta(minutes=5)
    assert known.campaigns_backup is None
    assert known.max_staleness is None
    assert not known.follow_new_store
    assert known.persist_active_campaigns
    assert known.preview_timeout == timedelta(seconds=2)


def test_each_is_the_variable_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds and ISO 8601 both work, and an empty variable is none."""
    for name, value in {
        "CAMPAIGNS_URL": "http://campaigns:80/prefix",
        "CAMPAIGNS_TTL": "30",
        "CAMPAIGNS_BACKUP": "/var/lib/campaigns",
        "FOLLOW_NEW_STORE": "true",
        "MAX_STALENESS": "PT1H",
        "PERSIST_ACTIVE_CAMPAIGNS": "false",
        "PREVIEW_TIMEOUT": "0.5",
        "ADMIN_TOKEN": "",
    }.items():
        monkeypatch.setenv(name, value)
    known = load(Settings)
    assert str(known.campaigns_url) == "http://campaigns/prefix"
    assert known.campaigns_ttl == timedelta(seconds=30)
    assert known.campaigns_backup == Path("/var/lib/campaigns")
    assert known.follow_new_store
    assert known.max_staleness == timedelta(hours=1)
    assert not known.persist_active_campaigns
    assert known.preview_timeout == timedelta(seconds=0.5)
    assert not known.admin_tokens


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("CAMPAIGNS_URL", "campaigns", "URL"),
        ("CAMPAIGNS_URL", "ftp://campaigns", "http"),
        ("CAMPAIGNS_TTL", "0", "more than 0"),
        ("CAMPAIGNS_TTL", "soon", "PT5M"),
        ("CAMPAIGNS_BACKUP", "/", "a file's path"),
        ("CAMPAIGNS_BACKUP", "..", "a file's path"),
        ("CAMPAIGNS_BACKUP", str(Path(__file__).parent), "a file's path"),
        ("MAX_STALENESS", "-1", "more than 0"),
        ("PREVIEW_TIMEOUT", "0", "more than 0"),
        ("FOLLOW_NEW_STORE", "perhaps", "true or false"),
        ("PERSIST_ACTIVE_CAMPAIGNS", "2", "true or false"),
    ],
)
def test_a_wrong_one_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    """One line names the variable, its value, and what is allowed."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        load(Settings)
    assert str(ended.value).startswith(f"{name}='{value}': ")
    assert allowed in str(ended.value)
    assert "\n" not in str(ended.value)
