"""Which campaigns a player is in."""
