"""One query by the service's driver, in a process that does nothing else."""

import time
from contextlib import AsyncExitStack

import uvloop
from pydantic import SecretStr

from benchmarks.http.wrk import Load
from benchmarks.propagation.kept_connection import KeptConnection
from benchmarks.report.quantiles import quantile
from benchmarks.workload import PLAYERS, player_id
from foundation.mongo import mongo_database
from foundation.settings import ServiceSettings

QUERIES = 2_000
LIMIT_SECONDS = 2.0


def queries(mongo_url: str, database: str, *, between: str = "") -> tuple[Load, float]:
    """Ask for one player after another, on the service's event loop and with its options.

    Without pause; or after an answer of the server with the URL `between`, as a service
    has waited for a request before its query. Gives what was measured of the queries as if
    it were load on a server, and the processor time of this process for one, in microseconds.
    """
    return uvloop.run(_queries(mongo_url, database, between))


async def _queries(mongo_url: str, database: str, between: str) -> tuple[Load, float]:
    settings = ServiceSettings(mongo_url=SecretStr(mongo_url), mongo_database=database)
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(
            mongo_database(settings, seconds=LIMIT_SECONDS, app_name="bench")
        )
        waited = await stack.enter_async_context(KeptConnection(between)) if between else None
        profiles = opened["profiles"]
        times: list[float] = []
        used = 0.0
        for number in range(QUERIES):
            asked = player_id(number % PLAYERS)
            if waited is not None:
                await waited.request(f"/get_client_config/{asked}")
            started, used_before = time.perf_counter(), time.process_time()
            await profiles.find_one({"player_id": asked}, {"_id": 0})
            times.append(time.perf_counter() - started)
            used += time.process_time() - used_before
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
