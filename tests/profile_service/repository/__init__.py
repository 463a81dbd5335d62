"""Promises of where campaigns and profiles come from."""
