"""Where profiles and campaigns come from."""
