"""Promises of `benchmarks/http`."""
