"""Settings of the campaign service in its environment."""

from datetime import timedelta

import pytest

from campaign_publisher.settings import Settings
from foundation.settings import load

VARIABLES = ("HEARTBEAT_INTERVAL", "CHANGES_POLL_INTERVAL", "CHECKPOINT_EVERY", "ADMIN_TOKEN")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_defaults() -> None:
    """Heartbeats every minute, a look at the log every second, a checkpoint every 500 changes."""
    settings = load(Settings)
    assert settings.heartbeat_interval == timedelta(seconds=60)
    assert settings.changes_poll_interval == timedelta(seconds=1)
    assert settings.checkpoint_every == 500
    assert settings.archive_after == timedelta(days=7)
    assert not settings.admin_tokens


def test_durations_are_seconds_or_iso_8601(monkeypatch: pytest.MonkeyPatch) -> None:
    """`0.2` and `PT2M` both work."""
    monkeypatch.setenv("CHANGES_POLL_INTERVAL", "0.2")
    monkeypatch.setenv("HEARTBEAT_INTERVAL", "PT2M")
    settings = load(Settings)
    assert settings.changes_poll_interval == timedelta(milliseconds=200)
    assert settings.heartbeat_interval == timedelta(minutes=2)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HEARTBEAT_INTERVAL", "0"),
        ("HEARTBEAT_INTERVAL", "soon"),
        ("CHANGES_POLL_INTERVAL", "-1"),
        ("CHANGES_POLL_INTERVAL", "nan"),
        ("CHECKPOINT_EVERY", "0"),
        ("CHECKPOINT_EVERY", "often"),
    ],
)
def test_a_bad_value_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """One line names the variable and its value."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as caught:
        load(Settings)
    assert str(caught.value).startswith(f"{variable}='{value}': ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["often", "0", "1.5", "9" * 5000])
def test_a_number_of_changes_is_told_in_full(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """CHECKPOINT_EVERY says what it may be, whatever is wrong with it."""
    monkeypatch.setenv("CHECKPOINT_EVERY", value)
    with pytest.raises(SystemExit) as caught:
        load(Settings)
    assert str(caught.value).endswith(": must be a whole number, 1 at least")


def test_a_bad_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line about a secret hides it."""
    monkeypatch.setenv("ADMIN_TOKEN", "name:")
    with pytest.raises(SystemExit) as caught:
        load(Settings)
    assert str(caught.value).startswith("ADMIN_TOKEN=(hidden): ")
