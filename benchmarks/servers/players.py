"""The game's players in a real MongoDB, for as long as they are measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient

from benchmarks.workload import PLAYERS, player
from testbed.servers import drop_database

LIMIT_MILLISECONDS = 30_000


@contextmanager
def with_players(mongo_url: str, database: str) -> Iterator[None]:
    """Write all players into a database of that name, which is removed afterwards."""
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_url, timeoutMS=LIMIT_MILLISECONDS)
    try:
        with client:
            profiles = client[database]["profiles"]
            profiles.drop()
            profiles.create_index("player_id", unique=True)
            profiles.insert_many(player(number) for number in range(PLAYERS))
        yield
    finally:
        drop_database(mongo_url, database)
