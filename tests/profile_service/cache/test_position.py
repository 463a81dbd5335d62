"""How an offered snapshot relates to the held one."""

from collections.abc import Collection
from uuid import UUID

import pytest

from contracts.snapshot import LogPosition
from profile_service.cache.position import Relation, may_enter, relation
from testbed.builders import OTHER_STORE_ID, STORE_ID, a_head

HELD = LogPosition(store_id=STORE_ID, revision=5, head=a_head(5))


@pytest.mark.parametrize(
    ("store", "revision", "head", "expected"),
    [
        (STORE_ID, 6, 6, Relation.NEWER),
        (STORE_ID, 600, 5, Relation.NEWER),
        (STORE_ID, 5, 5, Relation.SAME),
        (STORE_ID, 5, 6, Relation.DIVERGED),
        (STORE_ID, 4, 4, Relation.OLDER),
        (STORE_ID, 0, 5, Relation.OLDER),
        (OTHER_STORE_ID, 6, 6, Relation.FOREIGN),
        (OTHER_STORE_ID, 5, 5, Relation.FOREIGN),
        (OTHER_STORE_ID, 4, 4, Relation.FOREIGN),
    ],
)
def test_a_position_is_compared_within_its_store(
    store: UUID, revision: int, head: int, expected: Relation
) -> None:
    """The store decides first, then the revision, and the head only between equal ones."""
    offered = LogPosition(store_id=store, revision=revision, head=a_head(head))
    assert relation(HELD, offered) is expected


def test_the_first_position_is_compared_with_nothing() -> None:
    """With nothing held, any position is the first."""
    assert relation(None, HELD) is Relation.FIRST


@pytest.mark.parametrize(
    ("renewed_from", "left", "accepted", "follow", "expected"),
    [
        (None, (), None, False, False),
        # It continues the held store.
        (STORE_ID, (), None, False, True),
        (OTHER_STORE_ID, (), None, False, False),
        # This installation follows every new store.
        (None, (), None, True, True),
        # It was left before.
        (STORE_ID, (OTHER_STORE_ID,), None, False, False),
        (None, (OTHER_STORE_ID,), None, True, False),
        (None, (STORE_ID,), None, True, True),
        # An operator accepts it, or another one.
        (None, (), OTHER_STORE_ID, False, True),
        (None, (OTHER_STORE_ID,), OTHER_STORE_ID, False, True),
        (None, (), STORE_ID, False, False),
        (STORE_ID, (OTHER_STORE_ID,), STORE_ID, True, False),
    ],
)
def test_another_store_enters_by_the_rules_only(
    renewed_from: UUID | None,
    left: Collection[UUID],
    accepted: UUID | None,
    *,
    follow: bool,
    expected: bool,
) -> None:
    """It continues the held one, or all are followed, and it was not left; or it is accepted."""
    assert (
        may_enter(
            OTHER_STORE_ID,
            renewed_from=() if renewed_from is None else (a_head(7), renewed_from, a_head(8)),
            held=STORE_ID,
            left=left,
            accepted=() if accepted is None else (accepted,),
            follow=follow,
        )
        is expected
    )
