"""The server processes of the benchmarks."""
