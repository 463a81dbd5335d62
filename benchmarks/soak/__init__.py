"""The soak: load, changes and random faults together, for as long as is wanted."""
