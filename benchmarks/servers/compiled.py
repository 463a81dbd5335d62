"""One process that holds campaigns as an instance does, and nothing else.

    python -m benchmarks.servers.compiled 100000

Prints the bytes that it allocated for them: the index, and the bytes that each campaign was
read from, by which it is known again.
"""

import asyncio
import gc
import sys
import tracemalloc

from benchmarks.propagation.snapshots import first_snapshot
from benchmarks.workload import campaigns
from profile_service.matching.compiled import CompiledCampaigns
from profile_service.matching.rules import rule_of


def allocated_by(count: int) -> int:
    """Compile that many campaigns, and give what is still allocated when they are."""
    tracemalloc.start()
    published = first_snapshot(list(campaigns(count))).campaigns
    sources = {each.model_dump_json().encode(): rule_of(each) for each in published}
    del published
    held = asyncio.run(CompiledCampaigns.from_sources(sources, None))
    del sources
    gc.collect()
    allocated, _ = tracemalloc.get_traced_memory()
    del held
    gc.collect()
    rest, _ = tracemalloc.get_traced_memory()
    return allocated - rest


if __name__ == "__main__":
    print(allocated_by(int(sys.argv[1])))
