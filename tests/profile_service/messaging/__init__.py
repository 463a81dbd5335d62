"""Promises of `profile_service/messaging`."""
