"""The campaigns that a player matches."""
