"""Edits of segments, and the references to them that every edit keeps whole."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_publisher.campaigns import edits, segments
from campaign_publisher.campaigns.edits import ProposedChange
from campaign_publisher.campaigns.references import missing_segments
from campaign_publisher.log.change import Operation
from campaign_publisher.log.state import CampaignState, fold
from contracts.campaign import Campaign
from contracts.matchers import Matchers
from contracts.segment import MAX_SEGMENT_NESTING, Segment
from contracts.wire import snapshot_etag
from foundation.errors import Conflict, Invalid, NotFound, PreconditionFailed, Problem
from foundation.preconditions import Preconditions
from testbed.builders import NOW, a_campaign, a_segment
from tests.campaign_publisher.replicas import a_state

ANY = Preconditions()


def a_campaign_of(*names: str, name: str = "mycampaign", **fields: Any) -> Campaign:
    """Return a campaign for players who are in all of these segments; for all, without one."""
    matchers = {"segment": {"all": [*names]}} if names else {}
    return Campaign.model_validate({"name": name, "game": "g", "matchers": matchers, **fields})


def a_segment_of(name: str, *names: str) -> Segment:
    """Return a segment of those who are in any of these segments, nested in an `all`."""
    return a_segment(name, all=[{"segment": {"any": [*names]}}]) if names else a_segment(name)


def by_name(*listed: Segment) -> dict[str, Segment]:
    """Return segments as an import has them."""
    return {segment.name: segment for segment in listed}


async def after(state: CampaignState, proposed: ProposedChange | None) -> CampaignState:
    """Return the state after a proposed change was committed."""
    assert proposed is not None
    return await fold(state, [await proposed.to_change(state, actor="me", now=NOW)])


def problems(caught: pytest.ExceptionInfo[Invalid]) -> list[Problem]:
    """Return what was found wrong."""
    return [problem for problem in caught.value.detail if isinstance(problem, dict)]


async def test_put_replaces_a_segment_whole() -> None:
    """It is one change with the operation's name and the time; what is the same is none."""
    state = await a_state(segments=[a_segment("whales", level={"min": 3}, has={"items": ["x"]})])
    proposed = await segments.put(state, a_segment("whales", level={"min": 4}), ANY)
    assert proposed is not None
    assert (proposed.op, proposed.put) == (Operation.PUT_SEGMENT, ())
    later = await after(state, proposed)
    stored = later.segments["whales"]
    assert (stored.segment.matchers.has, stored.segment.last_updated) == (None, NOW)
    assert stored.revision == 2
    assert later.campaigns == state.campaigns
    assert await segments.put(later, a_segment("whales", level={"min": 4}), ANY) is None


async def test_each_write_checks_its_conditions_first() -> None:
    """A condition that does not hold ends every write, before anything else is judged."""
    state = await a_state(segments=[a_segment("a")])
    moved = Preconditions(if_match='"moved"')
    for name in ("a", "nothing"):
        with pytest.raises(PreconditionFailed):
            await segments.put(state, a_segment_of(name, "unknown"), moved)
        with pytest.raises(PreconditionFailed):
            await segments.delete(state, name, moved)
    with pytest.raises(PreconditionFailed):
        await segments.replace_all(state, by_name(a_segment_of("b", "unknown")), moved)
    seen = Preconditions(if_match=edits.etag(state, state.segments["a"]))
    assert await segments.delete(state, "a", seen) == ProposedChange(
        Operation.DELETE_SEGMENT, deleted_segments=("a",)
    )
    all_seen = Preconditions(if_match=snapshot_etag(state.position))
    assert await segments.replace_all(state, {}, all_seen) is not None
    with pytest.raises(NotFound):
        await segments.delete(state, "nothing", ANY)


async def test_an_etag_changes_with_its_segment_only() -> None:
    """A change of one segment leaves the ETags of others, and of campaigns, as they were."""
    state = await a_state(a_campaign("a"), segments=[a_segment("a"), a_segment("b")])
    later = await after(state, await segments.put(state, a_segment("a", level={"min": 5}), ANY))
    assert edits.etag(later, later.segments["b"]) == edits.etag(state, state.segments["b"])
    assert edits.etag(later, later.campaigns["a"]) == edits.etag(state, state.campaigns["a"])
    assert edits.etag(later, later.segments["a"]) != edits.etag(state, state.segments["a"])


async def test_an_import_leaves_exactly_its_list() -> None:
    """What it does not name is gone; what it does not change keeps its revision."""
    state = await a_state(segments=[a_segment("kept"), a_segment("changed"), a_segment("gone")])
    listed = by_name(a_segment("changed", level={"min": 9}), a_segment("kept"), a_segment("new"))
    proposed = await segments.replace_all(state, listed, ANY)
    assert proposed is not None
    assert proposed.op is Operation.IMPORT_SEGMENTS
    later = await after(state, proposed)
    revisions = {name: stored.revision for name, stored in later.segments.items()}
    assert revisions == {"kept": 1, "changed": 2, "new": 2}
    assert await segments.replace_all(later, listed, ANY) is None


def test_segments_that_do_not_exist() -> None:
    """Each reference is named, however deep."""
    written = {
        "segment": {"any": ["whales", "wales"], "none": ["gone"]},
        "all": [{"none": [{"segment": {"all": ["lost"]}}]}],
    }
    assert missing_segments(Matchers.model_validate(written), {"whales"}) == [
        {"loc": ["matchers", "segment", "any", 1], "msg": "there is no segment 'wales'"},
        {"loc": ["matchers", "segment", "none", 0], "msg": "there is no segment 'gone'"},
        {
            "loc": ["matchers", "all", 0, "none", 0, "segment", "all", 0],
            "msg": "there is no segment 'lost'",
        },
    ]


UNKNOWN: list[tuple[dict[str, Any], list[list[str | int]]]] = [
    ({"segment": {"any": ["x"]}}, [["segment", "any", 0]]),
    (
        {"segment": {"all": ["a", "x"], "none": ["x"]}},
        [["segment", "all", 1], ["segment", "none", 0]],
    ),
    (
        {"any": [{"level": {"min": 1}}, {"segment": {"none": ["x"]}}]},
        [["any", 1, "segment", "none", 0]],
    ),
    (
        {"none": [{"all": [{"segment": {"any": ["x", "a", "x"]}}]}]},
        [["none", 0, "all", 0, "segment", "any", index] for index in (0, 2)],
    ),
]


@pytest.mark.parametrize(("matchers", "places"), UNKNOWN)
async def test_a_segment_that_is_referred_to_must_exist(
    matchers: dict[str, Any], places: list[list[str | int]]
) -> None:
    """Each reference to an unknown one is named by its place, in every kind of write."""
    state = await a_state(a_campaign("c"), segments=[a_segment("a")])
    campaign = Campaign.model_validate({"name": "c", "game": "g", "matchers": matchers})
    segment = a_segment("s", **matchers)
    listed = {"known": a_campaign("known"), "c": campaign}
    writes: list[tuple[partial[Any], list[str | int]]] = [
        (partial(edits.put, state, campaign), []),
        (partial(edits.patch, state, "c", {"matchers": matchers}), []),
        (partial(edits.replace_all, state, listed), [1]),
        (partial(segments.put, state, segment), []),
        (partial(segments.replace_all, state, by_name(a_segment("a"), segment)), [1]),
    ]
    for write, loc in writes:
        with pytest.raises(Invalid) as caught:
            await write(ANY)
        assert problems(caught) == [
            {"loc": [*loc, "matchers", *place], "msg": "there is no segment 'x'"}
            for place in places
        ]


async def test_at_most_a_hundred_unknown_segments_are_named() -> None:
    """An error is not much longer than what caused it."""
    state = await a_state()
    with pytest.raises(Invalid) as caught:
        await edits.put(state, a_campaign_of(*(f"segment {n}" for n in range(200))), ANY)
    assert len(problems(caught)) == 100


async def test_an_import_may_refer_within_its_list() -> None:
    """In any order; what is stored and not in the list is unknown to it."""
    state = await a_state(segments=[a_segment("old")])
    listed = by_name(a_segment_of("late", "early"), a_segment("early"))
    imported = await after(state, await segments.replace_all(state, listed, ANY))
    assert sorted(imported.segments) == ["early", "late"]
    with pytest.raises(Invalid):
        await segments.replace_all(state, by_name(a_segment_of("late", "old")), ANY)


@pytest.mark.parametrize(
    ("stored", "refers_to", "cycle"),
    [
        ({}, ["a"], "a -> a"),
        ({"b": ["a"]}, ["x", "b"], "a -> b -> a"),
        ({"b": ["c"], "c": ["a"]}, ["x", "x", "b"], "a -> b -> c -> a"),
    ],
)
async def test_a_cycle_is_refused_by_name(
    stored: dict[str, list[str]], refers_to: list[str], cycle: str
) -> None:
    """A segment that would be in itself is refused, and the way back to it is named."""
    others = [a_segment("x"), *(a_segment_of(name, *to) for name, to in stored.items())]
    state = await a_state(segments=[*others, a_segment("a")])
    segment = a_segment_of("a", *refers_to)
    message = f"must not lead back to the segment itself: {cycle}"
    place = ["matchers", "all", 0, "segment", "any", len(refers_to) - 1]
    with pytest.raises(Invalid) as caught:
        await segments.put(state, segment, ANY)
    assert problems(caught) == [{"loc": place, "msg": message}]
    with pytest.raises(Invalid) as caught:
        await segments.replace_all(state, by_name(segment, *others), ANY)
    assert problems(caught) == [{"loc": [0, *place], "msg": message}]


async def test_a_long_cycle_is_one_too() -> None:
    """It is named whole, from the first segment of the list on, however long it is."""
    listed = by_name(*(a_segment_of(name, to) for name, to in zip("abcdef", "bcdefa", strict=True)))
    with pytest.raises(Invalid) as caught:
        await segments.replace_all(await a_state(), listed, ANY)
    [problem] = problems(caught)
    assert problem["msg"].endswith("a -> b -> c -> d -> e -> f -> a")


CHAIN = by_name(*map(a_segment_of, "abc", "bcd"), a_segment_of("d"))


@pytest.mark.parametrize("last", ["a", "b", "c"])
async def test_segments_are_nested_three_deep_at_most(last: str) -> None:
    """Whichever reference comes last: below, above or in between. The chain is named."""
    assert MAX_SEGMENT_NESTING == 3
    stored = CHAIN | by_name(a_segment(last))
    state = await a_state(segments=stored.values())
    message = "segments must not be nested more than 3 deep: a -> b -> c -> d"
    place = ["matchers", "all", 0, "segment", "any", 0]
    with pytest.raises(Invalid) as caught:
        await segments.put(state, CHAIN[last], ANY)
    assert problems(caught) == [{"loc": place, "msg": message}]
    with pytest.raises(Invalid) as caught:
        await segments.replace_all(state, CHAIN, ANY)
    assert problems(caught) == [{"loc": [0, *place], "msg": message}]


async def test_the_longest_way_counts() -> None:
    """A segment that refers to a few is nested as deep as the deepest of them."""
    state = await a_state(
        segments=[*(CHAIN[name] for name in "bcd"), a_segment("a"), a_segment("z")]
    )
    with pytest.raises(Invalid, match="y -> b -> c -> d"):
        await segments.put(state, a_segment_of("y", "a", "b", "z"), ANY)


async def test_a_campaign_is_not_counted_in_the_nesting() -> None:
    """It may refer to a segment of three."""
    state = await a_state(segments=[CHAIN[name] for name in "bcd"])
    assert await edits.put(state, a_campaign_of("b"), ANY) is not None


async def test_a_segment_in_use_cannot_be_deleted() -> None:
    """Nor left out of an import. All that refer to it are named, whatever their status."""
    users = [
        a_campaign_of("s", name="runs"),
        a_campaign_of("s", name="disabled", enabled=False),
        a_campaign_of("s", name="draft", stage="draft"),
        a_campaign_of("s", name="ended", end_date="2001-01-01T00:00:00Z"),
        a_campaign("other"),
    ]
    state = await a_state(*users, segments=[a_segment("s"), a_segment_of("refers", "s")])
    campaigns = "campaign 'disabled', campaign 'draft', campaign 'ended', campaign 'runs'"
    with pytest.raises(Conflict) as caught:
        await segments.delete(state, "s", ANY)
    assert caught.value.detail == f"segment 's' is in use by 5: {campaigns}, segment 'refers'"
    with pytest.raises(Conflict) as caught:
        await segments.replace_all(state, by_name(a_segment("new")), ANY)
    assert caught.value.detail == f"segment 's' is in use by 4: {campaigns}"
    assert await segments.delete(state, "refers", ANY) is not None


async def test_twenty_users_are_named_and_the_rest_counted() -> None:
    """An error is short, however many there are."""
    used = [a_campaign_of("s", name=f"campaign {number:02}") for number in range(25)]
    state = await a_state(*used, segments=[a_segment("s")])
    with pytest.raises(Conflict) as caught:
        await segments.delete(state, "s", ANY)
    detail = str(caught.value.detail)
    assert detail.startswith("segment 's' is in use by 25: campaign 'campaign 00', ")
    assert detail.endswith("campaign 'campaign 19' and 5 more")


NAMES = st.sampled_from("abcde")
REFERENCES = st.frozensets(NAMES, max_size=2)
EDITS = st.one_of(
    st.tuples(st.just("put"), NAMES, REFERENCES),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("import"), st.dictionaries(NAMES, REFERENCES, max_size=5)),
    st.tuples(st.just("put campaign"), NAMES, REFERENCES),
)

Model = tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]


def edited(model: Model, edit: tuple[Any, ...]) -> Model | None:
    """Return what segments and campaigns refer to after an edit; None when it is refused."""
    of_segments, of_campaigns = dict(model[0]), dict(model[1])
    match edit:
        case ("put", name, names):
            of_segments[name] = names
        case ("put campaign", name, names):
            of_campaigns[name] = names
        case ("import", listed):
            of_segments = dict(listed)
        case ("delete", name) if name in of_segments:
            del of_segments[name]
        case _:
            return None
    referred_to = [*of_segments.values(), *of_campaigns.values()]
    exist = all(names <= of_segments.keys() for names in referred_to)
    return (of_segments, of_campaigns) if exist and _depth(of_segments) <= 3 else None


def _depth(of_segments: Mapping[str, frozenset[str]]) -> int:
    """Return how many segments the longest way leads over, at most 4."""
    depths = dict.fromkeys(of_segments, 1)
    for _ in range(3):
        depths = {
            name: 1 + max((depths[each] for each in names), default=0)
            for name, names in of_segments.items()
        }
    return max(depths.values(), default=0)


@given(steps=st.lists(EDITS, max_size=12))
async def test_every_reference_leads_to_a_segment_and_not_too_far(
    steps: list[tuple[Any, ...]],
) -> None:
    """Whatever is edited: what would break a reference is refused, and nothing else is."""
    state = await a_state()
    model: Model = ({}, {})
    for step in steps:
        expected = edited(model, step)
        try:
            proposed = await _propose(state, step)
        except (Invalid, Conflict, NotFound):
            assert expected is None, step
            continue
        assert expected is not None, step
        model = expected
        if proposed is not None:
            state = await after(state, proposed)
        held = {name: each.segment.matchers.segments() for name, each in state.segments.items()}
        assert held == model[0]


async def _propose(state: CampaignState, step: tuple[Any, ...]) -> ProposedChange | None:
    match step:
        case ("put", name, names):
            return await segments.put(state, a_segment_of(name, *names), ANY)
        case ("put campaign", name, names):
            return await edits.put(state, a_campaign_of(*names, name=name), ANY)
        case ("import", listed):
            return await segments.replace_all(
                state, by_name(*(a_segment_of(name, *to) for name, to in listed.items())), ANY
            )
        case _:
            return await segments.delete(state, step[1], ANY)
