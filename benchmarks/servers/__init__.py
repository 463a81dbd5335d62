"""The processes that a benchmark asks, and those that they ask."""
