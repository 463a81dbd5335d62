"""How an offered snapshot relates to the held one, and whether another store may enter."""

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from contracts.snapshot import LogPosition


class Relation(StrEnum):
    """How an offered position in a change log relates to the held one."""

    FIRST = "first"  # nothing is held
    NEWER = "newer"
    SAME = "same"
    OLDER = "older"
    DIVERGED = "diverged"  # same store and revision, another head: the log was replaced
    FOREIGN = "foreign"  # another store


def relation(held: LogPosition | None, offered: LogPosition) -> Relation:
    """Return how `offered` relates to `held`."""
    if held is None:
        return Relation.FIRST
    if offered.store_id != held.store_id:
        return Relation.FOREIGN
    if offered.revision > held.revision:
        return Relation.NEWER
    if offered.revision < held.revision:
        return Relation.OLDER
    return Relation.SAME if offered.head == held.head else Relation.DIVERGED


def is_overtaken(
    asked_with: LogPosition | None, answered: LogPosition, held: LogPosition | None
) -> bool:
    """Return whether events brought a newer revision than an answer that was new when asked for.

    The answer is older than what is held now, but was not older than what was held at the
    question: then the origin is well, and there is nothing to retry. An answer that was old
    already then says something of the origin.
    """
    return (
        held != asked_with
        and relation(held, answered) is Relation.OLDER
        and relation(asked_with, answered) in {Relation.FIRST, Relation.SAME, Relation.NEWER}
    )


def may_enter(
    store: UUID,
    *,
    renewed_from: Collection[UUID],
    held: UUID,
    left: Collection[UUID],
    accepted: Collection[UUID],
    follow: bool,
) -> bool:
    """Return whether the origin's snapshot of another store may replace the held one.

    A mistyped database name must not empty production. So another store enters when an
    operator accepts it by name; or, unless it was left before, when it continues the
    held store or this installation follows every new store.
    """
    if store in accepted:
        return True
    return store not in left and (held in renewed_from or follow)
