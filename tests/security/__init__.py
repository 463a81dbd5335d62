"""Hostile input, who is let in, and connections that nobody can read."""
