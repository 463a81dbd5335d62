"""Settings from the environment: what is read, and one line for what is wrong."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_publisher.settings import Settings as CampaignSettings
from foundation.durations import LONGEST, parse_duration
from foundation.settings import LogFormat, LogLevel, MongoDriver, ServiceSettings, load
from profile_service.settings import Settings as ProfileSettings

HIDDEN = "hunter2"


def refusal(settings: type[ServiceSettings]) -> str:
    """Return the line with which a process ends whose environment is wrong."""
    with pytest.raises(SystemExit) as ended:
        load(settings)
    # A text makes the exit code 1, and is what the interpreter writes to stderr.
    assert isinstance(ended.value.code, str)
    return ended.value.code


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300", 300), ("0.5", 0.5), ("1e3", 1000), (" 7 ", 7), ("PT5M", 300), ("P1DT1S", 86401)],
)
def test_a_duration_is_seconds_or_iso_8601(
    text: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways of writing mean what they say."""
    monkeypatch.setenv("CAMPAIGNS_TTL", text)
    assert load(ProfileSettings).campaigns_ttl == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["soon", "5 minutes", "0", "-1", "-PT5M", "nan", "inf", "1e300", "P200Y", "PT", "0x10"]
)
def test_a_wrong_duration_is_one_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the variable and the value and says how a duration is written."""
    monkeypatch.setenv("CAMPAIGNS_TTL", text)
    line = refusal(ProfileSettings)
    assert line.startswith(f"CAMPAIGNS_TTL={text!r}: must be ")
    assert "300" in line
    assert "PT5M" in line
    assert "\n" not in line


@given(st.floats(min_value=0.000001, max_value=LONGEST.total_seconds()))
def test_any_number_of_seconds_is_read(seconds: float) -> None:
    """To the microsecond, as far as durations go."""
    assert abs(parse_duration(str(seconds)) - timedelta(seconds=seconds)) <= timedelta(
        microseconds=1
    )


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    """There is no third outcome."""
    with suppress(ValueError):
        assert isinstance(parse_duration(text), timedelta)


def test_a_delay_may_be_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """SHUTDOWN_DELAY=0 is a stop without a delay; less than nothing is refused."""
    monkeypatch.setenv("SHUTDOWN_DELAY", "0")
    assert load(CampaignSettings).shutdown_delay == timedelta()
    monkeypatch.setenv("SHUTDOWN_DELAY", "-1")
    assert refusal(CampaignSettings).startswith("SHUTDOWN_DELAY='-1': must be ")


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("LOG_LEVEL", "loud", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("LOG_FORMAT", "xml", "'text' or 'json'"),
        ("MONGO_DRIVER", "mgo", "'motor' or 'pymongo'"),
        ("MONGO_DATABASE", "a/b", "1 to 63 characters"),
        ("MONGO_DATABASE", "x" * 64, "1 to 63 characters"),
        ("FOLLOW_NEW_STORE", "maybe", "true or false"),
        ("MAX_STALENESS", "old", "PT5M"),
        ("CAMPAIGNS_URL", "localhost:54325", "URL"),
    ],
)
def test_a_wrong_value_is_one_line_that_says_what_is_allowed(
    variable: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable, what it holds, and what it may hold."""
    monkeypatch.setenv(variable, value)
    line = refusal(ProfileSettings)
    assert line.startswith(f"{variable}={value!r}: ")
    assert allowed in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("ADMIN_TOKEN", f"me: {HIDDEN}", "SECRET or NAME:SECRET"),
        ("MONGO_URL", f"http://me:{HIDDEN}@mongo", "such as mongodb://USER:PASSWORD@HOST:27017/"),
        ("MONGO_URL", "mongodb://", "such as mongodb://USER:PASSWORD@HOST:27017/"),
        ("MONGO_URL", f"mongodb://me:{HIDDEN}@mongo/?tls=maybe", "options"),
        ("MONGO_URL", f"mongodb://me:{HIDDEN}@mongo/?tsl=true", "options"),
        ("MONGO_URL", f"mongodb://me:{HIDDEN}@@mongo/", "percent-encoded"),
        ("MONGO_URL", f"mongodb://me:{HIDDEN}@mongo/?tls=true&tlsCAFile=/none", "No such file"),
        ("MONGO_URL", f"mongodb://me:{HIDDEN}@mongo/?w=0", "w must be majority"),
        ("MONGO_URL", f"mongodb://me:{HIDDEN}@mongo/?tls=true&W=1", "w must be majority"),
        ("MONGO_URL", f"mongodb+srv://me:{HIDDEN}@mongo/?w=1", "w must be majority"),
        ("MONGO_URL", f"mongodb://me:{HIDDEN}@mongo/?journal=false", "journal must be true"),
        ("MONGO_URL", f"mongodb://me:{HIDDEN}@mongo/?j=False", "j must be true"),
        ("MONGO_URL", f"mongodb://me:{HIDDEN}@mon\ngo/", "no space or line break"),
        ("AMQP_URL", f"amqp://me:{HIDDEN}@rab\tbit/", "no space or line break"),
        ("AMQP_URL", f"rabbit://me:{HIDDEN}@rabbit", "such as amqp://USER:PASSWORD@HOST:5672/"),
        ("AMQP_URL", "nonsense", "such as amqp://USER:PASSWORD@HOST:5672/"),
        ("AMQP_URL", f"amqp://me:{HIDDEN}@rabbit/?heartbeat=1O", "heartbeat must be 1 to 65534"),
        ("AMQP_URL", f"amqp://me:{HIDDEN}@rabbit/?heartbeat=0", "heartbeat must be 1 to 65534"),
        ("AMQP_URL", f"amqp://me:{HIDDEN}@rabbit/?heartbeat=65535", "heartbeat must be 1 to 65534"),
        ("AMQP_URL", f"amqp://me:{HIDDEN}@rabbit/?heartbeat=5&heartbeat=", "heartbeat must be 1"),
        ("AMQP_URL", f"amqp://me:{HIDDEN}@rabbit/?heartbaet=5", "options heartbeat, cafile, "),
        ("AMQP_URL", f"amqps://me:{HIDDEN}@rabbit/?cafile=/none", "cafile must be a file that can"),
        ("AMQP_URL", f"amqps://me:{HIDDEN}@rabbit/?certfile=/", "certfile must be a file that can"),
        ("AMQP_URL", f"amqps://me:{HIDDEN}@rabbit/?keyfile=", "keyfile must be a file that can"),
        ("AMQP_URL", f"amqps://me:{HIDDEN}@rabbit/?capath=/none", "capath must be a folder"),
        ("AMQP_URL", f"amqps://me:{HIDDEN}@rabbit/?no_verify_ssl=no", "no_verify_ssl must be 0 or"),
        ("CAMPAIGNS_URL", f"ftp://me:{HIDDEN}@campaigns", "'http'"),
        ("CAMPAIGNS_URL", f"http://me:{HIDDEN}@[campaigns", "URL"),
    ],
)
def test_a_secret_is_not_repeated(
    variable: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of tokens and of URLs with a password only the variable is named."""
    monkeypatch.setenv(variable, value)
    line = refusal(ProfileSettings)
    assert line.startswith(f"{variable}=(hidden): ")
    assert allowed in line
    assert HIDDEN not in line


def test_several_wrong_values_are_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is wrong is told at once."""
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("CHECKPOINT_EVERY", "0")
    assert [line.partition("=")[0] for line in refusal(CampaignSettings).split("\n")] == [
        "LOG_LEVEL",
        "CHECKPOINT_EVERY",
    ]


@pytest.mark.parametrize("text", ["debug", "Debug", "DEBUG"])
def test_a_log_level_is_written_in_any_case(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small letters are no mistake."""
    monkeypatch.setenv("LOG_LEVEL", text)
    assert load(ServiceSettings).log_level is LogLevel.DEBUG


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a compose file passes on from nowhere changes nothing."""
    for variable in ("MAX_STALENESS", "MONGO_URL", "ADMIN_TOKEN", "LOG_LEVEL", "CAMPAIGNS_BACKUP"):
        monkeypatch.setenv(variable, "")
    settings = load(ProfileSettings)
    assert settings.model_fields_set == set()
    assert settings.max_staleness is None
    assert not settings.admin_tokens


def test_what_is_set_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each variable is a field of that name; URLs stay as they were written."""
    authorities = tmp_path / "my authorities.pem"
    authorities.touch()
    amqp = f"amqps://rabbit?cafile={quote(str(authorities))}&heartbeat=5&name=a+name&auth=external"
    mongo = "mongodb://a,b:1/?replicaSet=x&tls=true"
    monkeypatch.setenv("MONGO_URL", mongo)
    monkeypatch.setenv("AMQP_URL", amqp)
    monkeypatch.setenv("MONGO_DRIVER", "pymongo")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    monkeypatch.setenv("LOG_FORMAT", "json")
    monkeypatch.setenv("ADMIN_TOKEN", f"me:{HIDDEN}")
    settings = load(ServiceSettings)
    assert settings.mongo_url.get_secret_value() == mongo
    assert settings.amqp_url.get_secret_value() == amqp
    assert settings.mongo_driver is MongoDriver.PYMONGO
    assert settings.log_level is LogLevel.ERROR
    assert settings.log_format is LogFormat.JSON
    assert settings.admin_tokens.actor(f"Bearer {HIDDEN}") == "me"
    assert HIDDEN not in repr(settings)


@pytest.mark.parametrize("margin", ["\n", "\r\n", " "])
def test_the_newline_at_the_end_of_a_file_is_no_part_of_a_url(
    margin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """URLs that are read from a file connect as those that are typed."""
    for variable, url in {
        "MONGO_URL": "mongodb://mongo:1/",
        "AMQP_URL": "amqp://rabbit:1/",
        "CAMPAIGNS_URL": "http://campaigns:1/",
    }.items():
        monkeypatch.setenv(variable, url + margin)
    settings = load(ProfileSettings)
    assert settings.mongo_url.get_secret_value() == "mongodb://mongo:1/"
    assert settings.amqp_url.get_secret_value() == "amqp://rabbit:1/"
    assert str(settings.campaigns_url) == "http://campaigns:1/"


def test_a_url_whose_hosts_stand_in_dns_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are read without a network."""
    monkeypatch.setenv("MONGO_URL", "mongodb+srv://nowhere.invalid/")
    assert load(ServiceSettings).mongo_url.get_secret_value() == "mongodb+srv://nowhere.invalid/"
