"""What the campaign service and the profile service agree on.

Models of campaigns, profiles and snapshots, and every name that crosses the
wire between the two. Standard library and pydantic only.
"""
