"""A limit on costly requests."""

import pytest

from foundation.errors import Unavailable
from foundation.slots import Slots


def test_no_more_than_the_limit_at_a_time() -> None:
    """One more is refused at once, with a 503 that says why; a slot that is free is taken again."""
    slots = Slots(2, "previews")
    with slots.one():
        with slots.one(), pytest.raises(Unavailable, match="2 previews are being served"):
            slots.one().__enter__()
        with slots.one():
            pass


def test_an_error_frees_the_slot() -> None:
    """A request that fails does not take its place with it."""
    slots = Slots(1, "previews")
    with pytest.raises(ZeroDivisionError), slots.one():
        raise ZeroDivisionError
    with slots.one():
        pass
