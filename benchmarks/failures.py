"""Why a benchmark may find nothing; each message says what to do, in one line."""

from benchmarks.kept_connection import RequestFailed
from benchmarks.matching import Disagreement
from benchmarks.swap import NotApplied
from benchmarks.wrk import LoadFailed
from testbed.servers import ServerUnavailableError

FAILURES = (
    Disagreement,
    LoadFailed,
    NotApplied,
    RequestFailed,
    ServerUnavailableError,
    TimeoutError,
)
