"""Promises of `benchmarks/propagation`."""
