"""SegmentService: the operations of the API of segments, without HTTP."""

from collections.abc import Mapping

from campaign_publisher.campaigns import segments as edits
from campaign_publisher.campaigns.commits import Committer
from campaign_publisher.log.replica import LogReplica
from campaign_publisher.service import Found, Imported
from contracts.segment import Segment
from foundation.preconditions import Preconditions


class SegmentService:
    """Reads the copy that this replica has of the log, and writes to the log that all share."""

    def __init__(self, replica: LogReplica, committer: Committer) -> None:
        self._replica = replica
        self._committer = committer

    def all(self) -> bytes:
        """Return all segments as a JSON array, by name."""
        stored = sorted(self._replica.state.segments.items())
        return b"[%b]" % b",".join(each.plain_json for _, each in stored)

    def segment(self, name: str) -> Found:
        """Return one segment.

        Raises:
            NotFound: there is none of that name.
        """
        state = self._replica.state
        if name not in state.segments:
            raise edits.not_found()
        return Found.of(state, state.segments[name])

    async def put(self, segment: Segment, conditions: Preconditions, *, actor: str) -> Found:
        """Create or replace a segment; return it as it is stored.

        Raises:
            ServiceError: PreconditionFailed, Invalid, or as `Committer.write`.
        """
        before, after = await self._committer.write(
            lambda state: edits.put(state, segment, conditions), actor=actor
        )
        created = segment.name not in before.segments
        return Found.of(after, after.segments[segment.name], created=created)

    async def delete(self, name: str, conditions: Preconditions, *, actor: str) -> None:
        """Remove a segment that nothing refers to.

        Raises:
            ServiceError: PreconditionFailed, NotFound, Conflict, or as `Committer.write`.
        """
        await self._committer.write(
            lambda state: edits.delete(state, name, conditions), actor=actor
        )

    async def replace_all(
        self, segments: Mapping[str, Segment], conditions: Preconditions, *, actor: str
    ) -> Imported:
        """Replace all segments with `segments`, given by name, in one revision or none.

        Raises:
            ServiceError: PreconditionFailed, Invalid, Conflict, or as `Committer.write`.
        """
        before, after = await self._committer.write(
            lambda state: edits.replace_all(state, segments, conditions), actor=actor
        )
        revisions = (before.revision, after.revision)
        return Imported.between(revisions, before.segments, after.segments)
