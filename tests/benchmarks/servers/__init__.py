"""Tests of the servers that are asked."""
