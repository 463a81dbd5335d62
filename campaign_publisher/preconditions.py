"""If-Match and If-None-Match: whether a write is still about what its sender saw."""

from dataclasses import dataclass

from foundation.errors import PreconditionFailed
from foundation.http import parse_etags

ANY = "*"


@dataclass(frozen=True)
class Preconditions:
    """The two headers of a write, each None when it was not sent."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, etag: str | None) -> None:
        """Check them against the thing's ETag, which is None when there is no such thing.

        If-Match compares strongly and If-None-Match weakly, after RFC 9110.

        Raises:
            PreconditionFailed: one does not hold; the message says which.
        """
        if self.if_match is not None and not _matches(self.if_match, etag):
            raise PreconditionFailed(
                "it has changed: If-Match does not name its ETag"
                if etag
                else "there is no such thing: If-Match cannot hold"
            )
        if self.if_none_match is not None and _matches_weakly(self.if_none_match, etag):
            raise PreconditionFailed("it exists: If-None-Match does not hold")


def _matches(header: str, etag: str | None) -> bool:
    tags = parse_etags(header)
    return etag is not None and (ANY in tags or (etag in tags and not etag.startswith("W/")))


def _matches_weakly(header: str, etag: str | None) -> bool:
    tags = [tag.removeprefix("W/") for tag in parse_etags(header)]
    return etag is not None and (ANY in tags or etag.removeprefix("W/") in tags)
