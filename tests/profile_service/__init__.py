"""Promises of the profile service."""
