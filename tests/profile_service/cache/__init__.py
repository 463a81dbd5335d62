"""Promises of the cache of campaigns."""
