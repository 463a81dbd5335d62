"""Sets of campaigns as bits."""

from hypothesis import given
from hypothesis import strategies as st

from profile_service.matching.bits import bits_of, descending, pack, union

SIZE = 5000


def _places() -> st.SearchStrategy[list[int]]:
    """Few places and many, near each other and far apart."""
    few = st.lists(st.integers(0, SIZE - 1), unique=True, max_size=40)
    runs = st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE), st.integers(1, 50)).map(
        lambda run: [*range(min(run[:2]), max(run[:2]), run[2])]
    )
    return few | runs


@given(_places())
def test_bits_stand_for_places(places: list[int]) -> None:
    """The places that were put in come out once, the highest first."""
    bits = bits_of(places, SIZE)
    assert bits == sum(1 << place for place in places)
    assert descending(bits) == sorted(places, reverse=True)


@given(st.lists(_places(), max_size=4))
def test_a_union_has_all_that_is_in_any(sets: list[list[int]]) -> None:
    """However its sets are packed."""
    places = {place for each in sets for place in each}
    assert union([pack(each, SIZE) for each in sets], SIZE) == bits_of(sorted(places), SIZE)


def test_few_places_among_many_are_kept_as_they_are() -> None:
    """A set takes memory for what is in it, not for what there is in all."""
    assert pack([7, 3], SIZE) == (7, 3)
    assert pack([7, 3, 1], SIZE) == 0b10001010
    assert pack([7, 3], 100) == 0b10001000
