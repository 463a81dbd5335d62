"""Tests of the stores of the change log."""
