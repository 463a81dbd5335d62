"""If-Match and If-None-Match: whether a write is still about what its sender saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from foundation.errors import Invalid, PreconditionFailed
from foundation.etags import parse_etags

ANY = "*"


@dataclass(frozen=True)
class Preconditions:
    """The two headers of a write, each None when it was not sent."""

    if_match: str | None = None
    if_none_match: str | None = None

    def __bool__(self) -> bool:
        """Return whether either header was sent."""
        return self.if_match is not None or self.if_none_match is not None

    @classmethod
    def of_headers(
        cls, if_match: Sequence[str] | None, if_none_match: Sequence[str] | None
    ) -> Self:
        """Return the preconditions of a request; a header may be sent in several lines.

        Raises:
            Invalid: a header names no ETag.
        """
        return cls(_joined(if_match, "if-match"), _joined(if_none_match, "if-none-match"))

    def check(self, etag: str | None, *, strongly: bool = True) -> None:
        """Check both against the resource's current ETag; None stands for no such resource.

        After RFC 9110, If-Match compares strongly, unless `strongly` is switched off for
        a resource that has only a weak ETag; If-None-Match always compares weakly.

        Raises:
            PreconditionFailed: one does not hold; the message says which.
        """
        if self.if_match is not None and not _names(self.if_match, etag, strongly=strongly):
            raise PreconditionFailed(
                "it has changed: If-Match does not name its ETag"
                if etag
                else "there is no such thing: If-Match cannot hold"
            )
        if self.if_none_match is not None and _names(self.if_none_match, etag, strongly=False):
            raise PreconditionFailed("it exists: If-None-Match does not hold")


def _joined(lines: Sequence[str] | None, header: str) -> str | None:
    if lines is None:
        return None
    joined = ", ".join(lines)
    # An empty If-None-Match would always hold, although its sender meant a condition.
    if not parse_etags(joined):
        raise Invalid.at("header", header, msg="must name an ETag, or be `*`")
    return joined


def _names(header: str, etag: str | None, *, strongly: bool) -> bool:
    if etag is None:
        return False
    tags = parse_etags(header)
    if strongly:
        return ANY in tags or etag in tags
    return ANY in tags or etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in tags]
