"""Routes of the campaign service."""
