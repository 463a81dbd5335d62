"""Why a benchmark may find nothing; each message says what to do, in one line."""

from benchmarks.http.wrk import LoadFailed
from benchmarks.matching import Disagreement
from benchmarks.propagation.kept_connection import RequestFailed
from benchmarks.swap import NotApplied
from testbed.servers import ServerUnavailableError

FAILURES = (
    Disagreement,
    LoadFailed,
    NotApplied,
    RequestFailed,
    ServerUnavailableError,
    TimeoutError,
)
