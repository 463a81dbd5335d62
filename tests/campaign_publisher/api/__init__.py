"""Tests of the campaign service's routes, in process."""
