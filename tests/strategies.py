"""Hypothesis strategies: campaigns, profiles and snapshots from small pools, so that they meet."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from contracts.campaign import Campaign
from contracts.contract import MAX_INTEGER
from contracts.keys import MAX_KEY_LENGTH, normalise_key
from contracts.matchers import Conditions, LevelRange, Matchers
from contracts.profile import RESERVED_KEY
from contracts.segment import Segment
from contracts.snapshot import SCHEMA, CampaignSnapshot, PublishedSegment, SnapshotReason
from contracts.wire import SnapshotEvent
from testbed.builders import as_published

COUNTRIES = ("US", "RO", "CA")
LANGUAGES = ("en", "fr")
GENDERS = ("male", "female")
ITEMS = ("item_1", "item_2", "item_3", "item_4")
MAX_POOL_LEVEL = 5

# Composed, decomposed, and letters that normalisation replaces (the Kelvin sign, a
# compatibility ideograph).
_NAMES = (
    "mycampaign",
    "Summer Event",
    "Fête d'été",
    "Fe\u0302te d'e\u0301te\u0301",
    "夏祭り",
    "\u212a-day",
    "\uf900",
    "🎄 50 %",
    "a.b",
    "...",
    "%2F?#&+",
)
# The corners of the dates that the campaigns of the pool start and end at.
_DATES = tuple(datetime(2022, month, 1, tzinfo=UTC) for month in (1, 2, 3))

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_WHOLES = st.integers(0, MAX_INTEGER)
_AMOUNTS = st.one_of(_WHOLES, st.floats(0, 1e15, allow_nan=False))


def keys() -> st.SearchStrategy[str]:
    """Names that are accepted, as they are sent: not all of them are normalised yet."""
    characters = st.one_of(
        st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\\ufffd"),
        st.sampled_from(" \u0301\u0327"),
    )
    return st.one_of(
        st.sampled_from(_NAMES),
        # Normalisation makes at most three characters of one.
        st.text(characters, min_size=1, max_size=MAX_KEY_LENGTH // 3).filter(_is_key),
    )


def _is_key(text: str) -> bool:
    return text == text.strip(" ") and text not in {".", ".."}


def instants() -> st.SearchStrategy[datetime]:
    """Aware instants down to the microsecond, in UTC and at other offsets."""
    minutes = st.integers(-14 * 60, 14 * 60)
    return st.datetimes(
        # A day from either end of what datetime can hold, so that every offset fits.
        min_value=datetime(1, 1, 2),  # noqa: DTZ001  # Hypothesis adds the time zone
        max_value=datetime(9999, 12, 30),  # noqa: DTZ001  # the same
        timezones=st.one_of(
            st.just(UTC), minutes.map(lambda offset: timezone(timedelta(minutes=offset)))
        ),
    )


def moments() -> st.SearchStrategy[datetime]:
    """Instants to judge `campaigns()` at: their dates, a microsecond off, and any other."""
    around = st.builds(
        lambda date, microseconds: date + timedelta(microseconds=microseconds),
        st.sampled_from(_DATES),
        st.integers(-1, 1),
    )
    return st.one_of(around, instants())


def campaigns(
    *,
    names: st.SearchStrategy[str] | None = None,
    enabled: st.SearchStrategy[bool] | None = None,
    matchers: st.SearchStrategy[Matchers] | None = None,
    **fields: st.SearchStrategy[Any],
) -> st.SearchStrategy[Campaign]:
    """Campaigns whose values come from small pools; everything optional may be missing.

    Their matchers are level, has and does_not_have, unless others are given.
    """
    return st.builds(
        lambda dates, **fields: Campaign(start_date=dates[0], end_date=dates[1], **fields),
        dates=_periods(),
        game=st.sampled_from(("mygame", "other game")),
        name=keys() if names is None else names,
        priority=st.one_of(
            st.sampled_from((0.0, 1.0, 10.5)), st.floats(allow_nan=False, allow_infinity=False)
        ),
        matchers=plain_matchers() if matchers is None else matchers,
        enabled=st.booleans() if enabled is None else enabled,
        last_updated=st.none() | instants(),
        **fields,
    )


def segments(*, names: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Segment]:
    """Segments whose matchers are those of `campaigns()`."""
    return st.builds(
        Segment,
        name=keys() if names is None else names,
        matchers=plain_matchers(),
        description=st.none() | TEXTS,
        last_updated=st.none() | instants(),
    )


def plain_matchers() -> st.SearchStrategy[Matchers]:
    """Matchers of level, has and does_not_have."""
    return st.builds(
        Matchers,
        level=st.none() | level_ranges(),
        has=st.none() | conditions(),
        does_not_have=st.none() | conditions(),
    )


def _periods() -> st.SearchStrategy[tuple[datetime | None, datetime | None]]:
    dates = st.one_of(st.none(), st.sampled_from(_DATES), instants())
    return st.tuples(dates, dates).map(_in_order).filter(_lasts)


def _in_order(
    dates: tuple[datetime | None, datetime | None],
) -> tuple[datetime | None, datetime | None]:
    start, end = dates
    return (end, start) if start and end and end < start else dates


def _lasts(dates: tuple[datetime | None, datetime | None]) -> bool:
    return dates[0] is None or dates[0] != dates[1]


def level_ranges() -> st.SearchStrategy[LevelRange]:
    """Ranges with one bound or both."""
    level = st.integers(0, MAX_POOL_LEVEL)
    return st.one_of(
        st.builds(LevelRange, min=level),
        st.builds(LevelRange, max=level),
        st.tuples(level, level).map(lambda pair: LevelRange(min=min(pair), max=max(pair))),
    )


def conditions() -> st.SearchStrategy[Conditions]:
    """Lists of values that profiles have."""
    lists: dict[Any, st.SearchStrategy[Any]] = {
        "country": _some_of(COUNTRIES),
        "language": _some_of(LANGUAGES),
        "gender": _some_of(GENDERS),
        "items": _some_of(ITEMS),
    }
    return (
        st.fixed_dictionaries({}, optional=lists)
        .filter(bool)
        .map(lambda chosen: Conditions(**chosen))
    )


def _some_of(pool: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(pool), min_size=1, max_size=3).map(tuple)


def profiles() -> st.SearchStrategy[dict[str, Any]]:
    """Documents with a player_id as anybody could have written them.

    Any other field may be missing, null or of a type that no profile has.
    """
    odd = st.sampled_from(
        (None, True, False, "", "3", "us", -1, 0, 2.5, 3.0, float("nan"), float("inf"))
    ) | st.sampled_from(([], {}, ["US"], ["item_1"], {"US": 1}, 2**63)).map(_fresh)
    quantities = st.one_of(st.integers(-1, 2), odd)
    fields: dict[Any, st.SearchStrategy[Any]] = {
        "level": st.one_of(st.integers(-1, MAX_POOL_LEVEL + 1), odd),
        "country": st.one_of(st.sampled_from(COUNTRIES), odd),
        "language": st.one_of(st.sampled_from(LANGUAGES), odd),
        "gender": st.one_of(st.sampled_from(GENDERS), odd),
        "inventory": st.one_of(
            st.dictionaries(st.sampled_from(ITEMS), st.integers(-1, 2)),
            st.dictionaries(st.sampled_from(ITEMS), quantities),
            st.lists(st.sampled_from(ITEMS)),
            odd,
        ),
        "active_campaigns": st.one_of(st.lists(keys().map(normalise_key), max_size=3), odd),
        "xp": odd,
        "clan": odd,
        "_custom": odd,
    }
    return st.fixed_dictionaries({"player_id": keys().map(normalise_key)}, optional=fields)


def _fresh(value: Any) -> Any:
    """Copy a list or a dict, so that no example can change the next one."""
    return value.copy() if isinstance(value, list | dict) else value


def stored_profiles() -> st.SearchStrategy[dict[str, Any]]:
    """Profiles as JSON that are accepted for writing, custom fields included."""
    dates = st.none() | instant_texts()
    texts = st.none() | TEXTS
    ids = st.one_of(st.none(), TEXTS, st.integers(-MAX_INTEGER - 1, MAX_INTEGER))
    device: dict[Any, st.SearchStrategy[Any]] = {"id": ids, "model": texts, "firmware": texts}
    fields: dict[Any, st.SearchStrategy[Any]] = {
        "credential": texts,
        "created": dates,
        "modified": dates,
        "last_session": dates,
        "last_purchase": dates,
        "birthdate": dates,
        "total_spent": st.none() | _AMOUNTS,
        "total_refund": st.none() | _AMOUNTS,
        "total_playtime": st.none() | _AMOUNTS,
        "total_transactions": st.none() | _WHOLES,
        "xp": st.none() | _WHOLES,
        "level": st.one_of(st.none(), st.integers(0, MAX_POOL_LEVEL), _WHOLES),
        "active_campaigns": st.none() | st.lists(keys().map(normalise_key), max_size=3),
        "devices": st.none() | st.lists(st.fixed_dictionaries({}, optional=device), max_size=2),
        "country": st.one_of(st.none(), st.sampled_from(COUNTRIES), TEXTS),
        "language": st.one_of(st.none(), st.sampled_from(LANGUAGES), TEXTS),
        "gender": st.one_of(st.none(), st.sampled_from(GENDERS), TEXTS),
        "inventory": st.none()
        | st.dictionaries(st.sampled_from(ITEMS), st.integers(0, 2) | _WHOLES),
        "clan": st.none() | st.fixed_dictionaries({}, optional={"id": ids, "name": texts}),
    }
    profile: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"player_id": keys().map(normalise_key)}, optional=fields
    )
    return st.builds(lambda known, custom: {**known, **custom}, profile, _custom_fields())


def instant_texts() -> st.SearchStrategy[str]:
    """Instants as texts that are read."""
    return st.one_of(
        st.sampled_from(("2021-01-10 13:37:17Z", "2021-01-10t13:37:17.5+02:00")),
        instants().map(datetime.isoformat),
    )


def _custom_fields() -> st.SearchStrategy[dict[str, Any]]:
    names = TEXTS.map(lambda text: text.replace(".", "")).map("_{}".format)
    inner = names.map(lambda name: name.removeprefix("_").lstrip("$") or "x")
    values = st.recursive(
        st.one_of(st.none(), st.booleans(), TEXTS, st.integers(-MAX_INTEGER - 1, MAX_INTEGER)),
        lambda children: st.lists(children, max_size=3) | st.dictionaries(inner, children),
        max_leaves=5,
    )
    return st.dictionaries(names.filter(lambda name: name != RESERVED_KEY), values, max_size=2)


def snapshots() -> st.SearchStrategy[CampaignSnapshot]:
    """Snapshots of up to three campaigns, none of them disabled, and up to two segments."""
    return _snapshots()


@st.composite
def _snapshots(draw: st.DrawFn) -> CampaignSnapshot:
    revision = draw(_WHOLES)
    found = draw(
        st.lists(
            campaigns(enabled=st.just(value=True)),
            max_size=3,
            unique_by=lambda campaign: campaign.name,
        )
    )
    named = draw(st.lists(segments(), max_size=2, unique_by=lambda segment: segment.name))
    return CampaignSnapshot(
        schema=SCHEMA,
        store_id=draw(st.uuids()),
        renewed_from=tuple(draw(st.lists(st.uuids(), max_size=3))),
        revision=revision,
        head=draw(st.uuids()),
        segments=tuple(
            PublishedSegment(**dict(segment), revision=draw(st.integers(0, revision)))
            for segment in named
        ),
        campaigns=tuple(
            as_published(campaign, revision=draw(st.integers(0, revision))) for campaign in found
        ),
    )


def events() -> st.SearchStrategy[SnapshotEvent]:
    """Headers of a snapshot or a heartbeat."""
    return st.builds(
        SnapshotEvent,
        store_id=st.uuids(),
        revision=_WHOLES,
        head=st.uuids(),
        log_age=_seconds(),
        heartbeat_interval=_seconds().filter(lambda seconds: seconds > 0),
        published_at=st.none() | moments(),
        reason=st.none() | st.sampled_from(SnapshotReason),
    )


def _seconds() -> st.SearchStrategy[float]:
    return st.floats(min_value=0, allow_nan=False, allow_infinity=False)
