"""Preview: how long it takes to count the players whom matchers would reach."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import SecretStr
from pymongo.errors import OperationFailure

from benchmarks.report.quantiles import median
from benchmarks.report.results import Cell, Result, Table
from benchmarks.servers.existing_servers import Urls, existing_or_private
from benchmarks.workload import NOW, player
from contracts.instants import format_instant
from contracts.matchers import Matchers
from foundation.mongo import Database, mongo_database
from profile_service.profiles.mongo import COLLECTION, MongoProfiles
from profile_service.profiles.query import Query, query_of
from profile_service.settings import Settings

SIZE = 100_000
LIMIT_SECONDS = 2.0  # the service's own by default
PATIENCE_SECONDS = 300.0
WRITTEN_AT_ONCE = 1_000
DATABASE = "profile_matcher_bench_preview"
SCAN, READ = "plain scan", "all are read"
NOT_TOLD = "not told"

SEGMENTS = {
    "whales": Matchers.model_validate({"where": {"total_spent": {"gte": 500}}}),
    "newcomers": Matchers.model_validate({"level": {"max": 9}}),
}
PREVIEWS: Mapping[str, dict[str, Any]] = {
    "level, country and items": {
        "level": {"min": 10, "max": 39},
        "has": {"country": ["RO", "US"], "items": ["item_10"]},
    },
    "numbers and texts": {
        "where": {
            "total_spent": {"gte": 100, "lt": 500},
            "clan.id": {"in": ["1", "2"]},
            "devices.model": {"starts_with": "apple"},
        }
    },
    "segments": {"segment": {"any": ["whales", "newcomers"]}},
    "dates stored as text": {"where": {"last_session": {"within": "P7D"}}},
    "versions": {"where": {"_app_version": {"version_gte": "1.10.0"}}},
    "rollout to 25 %": {"rollout": {"percent": 25, "salt": "spring"}},
    "all of these": {
        "level": {"min": 10},
        "where": {"last_session": {"within": "P7D"}, "_app_version": {"version_gte": "1.10.0"}},
        "segment": {"none": ["whales"]},
        "rollout": {"percent": 25, "salt": "spring"},
    },
}


@dataclass(frozen=True)
class Measured:
    """Seconds of each round, what was found, and what the server's plan was.

    `bounded` is what was found within the service's limit, None for what is no preview.
    """

    name: str
    seconds: list[float]
    matching: int
    plan: str
    bounded: int | None = None
    bounded_is_exact: bool | None = None


def run(*, size: int = SIZE, rounds: int = 3, urls: Urls) -> Result:
    """Count in a MongoDB with so many players; every preview and both scans take turns."""
    # RabbitMQ is not asked for: any URL keeps a private one from being started.
    with existing_or_private(Urls(amqp="none", mongo=urls.mongo)) as servers:
        measured = asyncio.run(_measure(servers.mongo, size, rounds))
    return Result(
        benchmark="preview",
        options={"profiles": size, "rounds": rounds},
        tables=[_table(measured, size)],
        measured=measured,
        notes=["the server tells no plans"] if _tells_nothing(measured) else [],
    )


async def _measure(url: str, size: int, rounds: int) -> list[Measured]:
    async with _profiles(url, size) as database:
        profiles = MongoProfiles(database)
        queries = {
            name: query_of(Matchers.model_validate(each), NOW, name="bench", segments=SEGMENTS)
            for name, each in PREVIEWS.items()
        }
        works: dict[str, Callable[[], Awaitable[int]]] = {
            SCAN: lambda: database[COLLECTION].count_documents({"xp": {"$gte": 0}}),
            READ: lambda: _read(database),
            **{name: _counting(profiles, query) for name, query in queries.items()},
        }
        seconds: dict[str, list[float]] = {name: [] for name in works}
        found: dict[str, int] = {}
        await works[SCAN]()  # whose first takes longer
        for _ in range(rounds):
            for name, work in works.items():
                started = time.perf_counter()
                found[name] = await work()
                seconds[name].append(time.perf_counter() - started)
        measured = [Measured(name, seconds[name], found[name], plan="") for name in (SCAN, READ)]
        for name, query in queries.items():
            plan = await _plan(database, query)
            bounded = await profiles.count(query, seconds=LIMIT_SECONDS, sample=10)
            measured.append(
                Measured(
                    name=name,
                    seconds=seconds[name],
                    matching=found[name],
                    plan=plan,
                    bounded=bounded.matching,
                    bounded_is_exact=bounded.is_exact,
                )
            )
        return measured


@asynccontextmanager
async def _profiles(url: str, size: int) -> AsyncIterator[Database]:
    """Write the players into a database of their own."""
    settings = Settings(mongo_url=SecretStr(url), mongo_database=DATABASE)
    async with mongo_database(
        settings, seconds=PATIENCE_SECONDS, app_name="bench-preview"
    ) as database:
        await database[COLLECTION].drop()
        await MongoProfiles(database).prepare()
        for first in range(0, size, WRITTEN_AT_ONCE):
            last = min(first + WRITTEN_AT_ONCE, size)
            await database[COLLECTION].insert_many([a_player(n) for n in range(first, last)])
        try:
            yield database
        finally:
            # It may take long: a server that knows no limit still works on the last counts.
            await database.client.drop_database(DATABASE)


def a_player(number: int) -> dict[str, Any]:
    """Return one of many players who differ, the same one in every run."""
    chance = random.Random(number)
    profile = player(number)
    session = NOW - timedelta(minutes=chance.randrange(60 * 24 * 60))
    return {
        **profile,
        "level": chance.randrange(100),
        "country": chance.choice(("RO", "US", "CA", "FR", "DE")),
        "total_spent": chance.randrange(1_000),
        "last_session": format_instant(session),
        "clan": {"id": str(chance.randrange(20)), "name": "Hello world clan"},
        "_app_version": f"1.{chance.randrange(15)}.{chance.randrange(5)}",
    }


async def _read(database: Database) -> int:
    return len([each async for each in database[COLLECTION].find({}, batch_size=1_000)])


def _counting(profiles: MongoProfiles, query: Query) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        counted = await profiles.count(query, seconds=PATIENCE_SECONDS, sample=10)
        return counted.matching

    return count


async def _plan(database: Database, query: Query) -> str:
    """Return the stages of the plan by which the server finds who may match."""
    asked = {"find": COLLECTION, "filter": query.possible}
    try:
        told = await database.command({"explain": asked, "verbosity": "queryPlanner"})
    except OperationFailure:
        return NOT_TOLD
    return " < ".join(stages_of(told.get("queryPlanner", {}).get("winningPlan"))) or NOT_TOLD


def stages_of(plan: Any) -> list[str]:
    """Return the names of a plan's stages, the outermost first."""
    if not isinstance(plan, dict):
        return []
    inner = [plan.get("queryPlan"), plan.get("inputStage"), *plan.get("inputStages", ())]
    names = [plan["stage"]] if "stage" in plan else []
    return names + [name for each in inner for name in stages_of(each)]


def _tells_nothing(measured: Sequence[Measured]) -> bool:
    return all(each.plan in {NOT_TOLD, ""} for each in measured)


def _table(measured: Sequence[Measured], size: int) -> Table:
    scan = median(measured[0].seconds)
    rows: list[list[Cell]] = [
        [
            each.name,
            1000 * median(each.seconds),
            median(each.seconds) / scan,
            each.matching,
            None if each.bounded is None else _shown(each.bounded, exact=each.bounded_is_exact),
            each.plan or None,
        ]
        for each in measured
    ]
    columns = ["", "ms", "of the scan", "matching", "within 2 s", "plan"]
    return Table("preview", f"Counting among {size:,} profiles", columns, rows)


def _shown(matching: int, *, exact: bool | None) -> str:
    return f"{matching:,}" if exact else f"at least {matching:,}"
