"""The profile service with all players in memory: what it takes without its one query."""

from collections.abc import Sequence
from contextlib import nullcontext

from fastapi import FastAPI

from benchmarks.workload import PLAYERS, player
from profile_service.main import create_app as create_service
from profile_service.profiles.repository import ProfileDocument
from testbed.fakes import InMemoryProfiles


class PlayersInMemory(InMemoryProfiles):
    """Every player of the game; the documents are given as they are, not copied."""

    async def get_many(self, player_ids: Sequence[str]) -> dict[str, ProfileDocument]:
        """Return the documents that there are, by player id."""
        known = self.documents
        return {each: known[each] for each in player_ids if each in known}


def create_app() -> FastAPI:
    """Build the service as it is deployed, but for where its profiles come from."""
    players = PlayersInMemory(*map(player, range(PLAYERS)))
    return create_service(open_profiles=lambda _: nullcontext(players))
