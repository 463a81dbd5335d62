"""Servers, processes, clients and fakes that tests and benchmarks share; not shipped."""
