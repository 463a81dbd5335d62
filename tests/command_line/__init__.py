"""Tests of the command profile-matcher."""
