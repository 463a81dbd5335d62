"""Promises of `benchmarks/report`."""
