"""Stored players: the repository, the loader, and the updates behind the answers."""
