"""Promises of matching."""
