"""Routes of the profile service."""
