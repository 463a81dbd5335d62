"""Tests of the campaign service."""
