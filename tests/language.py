"""Hypothesis strategies for all of the language of matchers, and for profiles that it is about."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from contracts.campaign import Campaign, Stage, Variant
from contracts.instants import format_instant
from contracts.matchers import Matchers, Rollout, SegmentReference
from contracts.segment import Segment
from contracts.where import FieldTest
from tests.strategies import (
    TEXTS,
    campaigns,
    conditions,
    instant_texts,
    instants,
    level_ranges,
    moments,
    profiles,
)

# Segments by name; each may refer to those before it.
SEGMENTS = ("newcomers", "whales", "lapsed")
PATHS = (
    "level",
    "country",
    "_custom",
    "clan.id",
    "devices.model",
    "inventory.item_1",
    "last_session",
    "lists",
    "xp",
)
# What fields are compared with, and what they hold.
SCALARS = ("US", "us", "", "e\u0301t\u00e9", 0, 1, 2.5, 3.0, True, False, 2**53 + 1)
LEAVES = (
    *SCALARS,
    "Stra\u00dfe",
    "1.10.0",
    "1.9",
    "1.2.3-beta",
    "2024.1",
    "2022-01-31T23:30:00Z",
    "2022-02-01 00:30:00+01:00",
    "2022-13-01T00:00:00Z",
    datetime(2022, 1, 31, 23, 30, tzinfo=UTC),
    10**30,
    float("nan"),
    None,
)


def targeted_campaigns(
    *,
    names: st.SearchStrategy[str] | None = None,
    enabled: st.SearchStrategy[bool] | None = None,
) -> st.SearchStrategy[Campaign]:
    """Campaigns that use all of the language and all fields of a campaign."""
    return campaigns(
        names=names,
        enabled=enabled,
        matchers=matchers(),
        description=st.none() | TEXTS,
        tags=st.none()
        | st.lists(st.sampled_from(("shop", "event", "f\u00eate")), min_size=1, unique=True).map(
            tuple
        ),
        payload=payloads(),
        group=st.none() | st.sampled_from(("banner", "popup")),
        variants=st.none() | _variants(),
        stage=st.sampled_from((None, None, None, Stage.DRAFT)),
    )


def matchers(
    *, names: Sequence[str] = SEGMENTS, nested: bool = True
) -> st.SearchStrategy[Matchers]:
    """Matchers of the whole language, about the values of `odd_profiles()`, at most two deep.

    They may refer to the segments in `names`.
    """
    parts: dict[str, st.SearchStrategy[Any]] = {
        "level": level_ranges(),
        "has": conditions(),
        "does_not_have": conditions(),
        "where": st.dictionaries(st.sampled_from(PATHS), field_tests(), min_size=1, max_size=2),
        "rollout": rollouts(),
    }
    if names:
        parts["segment"] = _references(names)
    if nested:
        inner = st.lists(matchers(names=names, nested=False), min_size=1, max_size=2).map(tuple)
        parts |= {"any": inner, "all": inner, "none": inner}
    # Of all at once hardly any player would be left.
    return st.sets(st.sampled_from(sorted(parts)), max_size=2).flatmap(
        lambda kinds: st.builds(Matchers, **{kind: parts[kind] for kind in sorted(kinds)})
    )


def sets_of_segments() -> st.SearchStrategy[list[Segment]]:
    """All segments of SEGMENTS."""
    return st.tuples(
        *(
            st.builds(
                Segment,
                name=st.just(name),
                matchers=matchers(names=SEGMENTS[:number], nested=False),
            )
            for number, name in enumerate(SEGMENTS)
        )
    ).map(list)


def field_tests() -> st.SearchStrategy[FieldTest]:
    """Tests on one field: one or two operators with values that profiles have."""
    instant = st.sampled_from(
        ("2022-01-01T00:00:00Z", "2022-01-31T23:30:00Z", "2022-02-01T00:00:00Z")
    )
    operators: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(("eq", "ne"), st.sampled_from(SCALARS)),
        **dict.fromkeys(
            ("in", "not_in"), st.lists(st.sampled_from(SCALARS), min_size=1, max_size=3)
        ),
        **dict.fromkeys(("gt", "gte", "lt", "lte"), st.sampled_from((-1, 0, 1, 2.5, 3, 2**53))),
        **dict.fromkeys(
            ("starts_with", "ends_with", "contains"),
            st.sampled_from(("U", "u", "s", "e", "\u00e9", "ss", "1.")),
        ),
        "exists": st.booleans(),
        **dict.fromkeys(("before", "after"), instant | instants().map(format_instant)),
        **dict.fromkeys(("within", "older_than"), st.sampled_from(("P7D", "PT1H", "P52W"))),
        **dict.fromkeys(
            ("version_gt", "version_gte", "version_lt", "version_lte", "version_eq"),
            st.sampled_from(("1.9", "1.10.0", "1.2.3-beta", "2024.1")),
        ),
    }
    one = st.sampled_from(sorted(operators)).flatmap(
        lambda name: st.fixed_dictionaries({name: operators[name]})
    )
    return st.builds(_field_test, one, one, st.none() | st.booleans())


def _field_test(one: dict[str, Any], other: dict[str, Any], ignore_case: Any) -> FieldTest:
    named = one | other
    if not named.keys().isdisjoint({"starts_with", "ends_with", "contains"}):
        named |= {"ignore_case": ignore_case}
    return FieldTest.model_validate(named)


def rollouts() -> st.SearchStrategy[Rollout]:
    """Rollouts of whole percents, and of hundredths of one."""
    return st.builds(
        Rollout,
        percent=st.sampled_from((0, 0.01, 0.07, 25, 33.33, 50, 99.99, 100)),
        salt=st.none() | st.sampled_from(("spring", "summer")),
    )


def _references(names: Sequence[str]) -> st.SearchStrategy[SegmentReference]:
    listed = st.lists(st.sampled_from(names), min_size=1, max_size=2).map(tuple)
    kinds: dict[Any, st.SearchStrategy[Any]] = dict.fromkeys(("any", "all", "none"), listed)
    return (
        st.fixed_dictionaries({}, optional=kinds)
        .filter(bool)
        .map(lambda chosen: SegmentReference(**chosen))
    )


def _variants() -> st.SearchStrategy[tuple[Variant, ...]]:
    return st.lists(
        st.builds(
            Variant,
            name=st.sampled_from(("a", "b", "c")),
            weight=st.integers(1, 5),
            payload=payloads(),
        ),
        min_size=1,
        unique_by=lambda variant: variant.name,
    ).map(tuple)


def payloads() -> st.SearchStrategy[Any]:
    """JSON of any form that a campaign may have as its payload."""
    plain = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-1, 1), TEXTS)
    names = TEXTS.filter(lambda text: not text.startswith("$"))
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=6,
    )


def odd_profiles() -> st.SearchStrategy[dict[str, Any]]:
    """Profiles that have what PATHS lead to: values of all types, in lists and in objects."""
    leaves = st.sampled_from(LEAVES)
    devices = st.lists(st.fixed_dictionaries({}, optional={"model": leaves}) | leaves, max_size=3)
    fields: dict[Any, st.SearchStrategy[Any]] = {
        "clan": st.fixed_dictionaries({}, optional={"id": leaves}) | devices,
        "devices": st.one_of(
            devices, st.lists(devices, max_size=1), st.fixed_dictionaries({"model": leaves})
        ),
        "_custom": st.one_of(
            leaves,
            st.lists(leaves, max_size=3),
            st.lists(st.lists(leaves, max_size=2), max_size=2),
        ),
        "last_session": leaves | moments() | instant_texts(),
        "lists": st.lists(st.sampled_from(("US", "testers")), max_size=2),
    }
    return st.builds(
        lambda plain, odd: {**plain, **odd}, profiles(), st.fixed_dictionaries({}, optional=fields)
    )


def overrides(names: Sequence[str]) -> st.SearchStrategy[Any]:
    """What a profile may hold as its overrides of campaigns of these names."""
    override: st.SearchStrategy[Any] = st.fixed_dictionaries(
        {
            "campaign": st.sampled_from(names) | st.just("deleted"),
            "state": st.sampled_from(("on", "off")),
            "until": instant_texts() | moments(),
        },
        optional={"variant": st.sampled_from(("a", "z")), "actor": st.just("operator")},
    )
    odd: st.SearchStrategy[Any] = st.sampled_from((None, "on", 1)) | st.just({"state": "on"})
    return st.lists(override | odd, max_size=3)
