"""Promises of `profile_service/profiles`."""
