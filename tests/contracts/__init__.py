"""Promises of the contracts."""
