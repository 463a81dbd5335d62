"""Tests of the profile service's routes."""
