"""How an offered snapshot stands to the held one, and whether another store may enter."""

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from contracts.snapshot import LogPosition


class Relation(StrEnum):
    """How an offered position in a change log stands to the held one."""

    FIRST = "first"  # nothing is held
    NEWER = "newer"
    SAME = "same"
    OLDER = "older"
    DIVERGED = "parted"  # same store and revision, another head: the log was replaced
    FOREIGN = "foreign"  # another store


def relation(held: LogPosition | None, offered: LogPosition) -> Relation:
    """Tell how `offered` stands to `held`."""
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
    """Tell whether events brought something newer than an answer that was no old one itself."""
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
    accepted: UUID | None,
    follow: bool,
) -> bool:
    """Tell whether a snapshot that the origin gives of another store may replace the held one.

    A mistyped database name must not empty production. So another store enters when an
    operator accepts it by name; or, unless it was left before, when it continues the
    held store or this installation follows every new store.
    """
    if store == accepted:
        return True
    return store not in left and (held in renewed_from or follow)
