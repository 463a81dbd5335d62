"""One query by the service's driver, asked by one who does nothing else."""

import time

import uvloop
from pydantic import SecretStr

from benchmarks.game import PLAYERS, player_id
from benchmarks.quantiles import quantile
from benchmarks.wrk import Load
from foundation.mongo import mongo_database
from foundation.settings import ServiceSettings

QUERIES = 2_000
LIMIT_SECONDS = 2.0


def queries(mongo_url: str, database: str) -> tuple[Load, float]:
    """Ask for one player after another, on the service's event loop and with its options.

    Gives what was measured as if it were load on a server, and the processor time that
    this process used for a query, in microseconds.
    """
    return uvloop.run(_queries(mongo_url, database))


async def _queries(mongo_url: str, database: str) -> tuple[Load, float]:
    settings = ServiceSettings(mongo_url=SecretStr(mongo_url), mongo_database=database)
    async with mongo_database(settings, seconds=LIMIT_SECONDS, app_name="bench") as opened:
        profiles = opened["profiles"]
        times: list[float] = []
        used = time.process_time()
        for number in range(QUERIES):
            started = time.perf_counter()
            await profiles.find_one({"player_id": player_id(number % PLAYERS)}, {"_id": 0})
            times.append(time.perf_counter() - started)
        used = time.process_time() - used
    milliseconds = [each * 1000 for each in times]
    load = Load(
        throughput=QUERIES / sum(times),
        p50=quantile(milliseconds, 0.5),
        p99=quantile(milliseconds, 0.99),
        p999=quantile(milliseconds, 0.999),
        max=max(milliseconds),
        requests=QUERIES,
    )
    return load, used / QUERIES * 1e6
