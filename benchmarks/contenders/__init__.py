"""The libraries that matching is compared with, each told the same campaigns in its own terms."""
