"""What wrk tells is read as it is, and no failure passes for speed."""

import pytest

from benchmarks.http.wrk import Load, LoadFailed, read_load

TOLD = """Running 2s test @ http://127.0.0.1:8000
  1 threads and 64 connections
Requests/sec:   4000.00
{"requests": 8000, "microseconds": 2000000, "p50": 1500.0, "p99": 9000, "p999": 20000, \
"max": 31000, "failed": %d}
"""


def test_reads_what_was_measured() -> None:
    """Requests a second, and latencies in milliseconds."""
    assert read_load(TOLD % 0) == Load(
        throughput=4000.0, p50=1.5, p99=9.0, p999=20.0, max=31.0, requests=8000
    )


def test_requests_that_fail_are_no_throughput() -> None:
    """Errors are often fast: a run with any is refused."""
    with pytest.raises(LoadFailed, match="3 of 8000"):
        read_load(TOLD % 3)


def test_a_server_that_never_answers_is_told_of() -> None:
    """No request at all is an error too, not a division by zero."""
    with pytest.raises(LoadFailed):
        read_load(TOLD.replace("8000,", "0,") % 0)
