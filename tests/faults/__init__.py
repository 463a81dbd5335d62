"""Faults: what players and operators see while things break, and after."""
