"""Promises of what both services are built on."""
