"""If-Match and If-None-Match: whether a write is still about what its sender saw."""

from dataclasses import dataclass

from foundation.errors import PreconditionFailed
from foundation.etags import parse_etags

ANY = "*"


@dataclass(frozen=True)
class Preconditions:
    """The two headers of a write, each None when it was not sent."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, etag: str | None, *, strongly: bool = True) -> None:
        """Check them against the thing's ETag, which is None when there is no such thing.

        After RFC 9110, If-Match compares strongly, unless `strongly` is switched off for
        a thing that has only a weak ETag; If-None-Match always compares weakly.

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


def _names(header: str, etag: str | None, *, strongly: bool) -> bool:
    if etag is None:
        return False
    tags = parse_etags(header)
    if strongly:
        return ANY in tags or etag in tags
    return ANY in tags or etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in tags]
