"""Both services in one process, with SQLite and a direct handover."""
