"""The command profile-matcher."""
