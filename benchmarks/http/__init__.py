"""The hot route under load, beside a baseline and a typical FastAPI service."""
