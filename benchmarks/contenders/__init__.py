"""The libraries that matching is compared with, each given the same campaigns in its own form."""
