"""The change log, and the copy of it that each replica holds."""
