"""Tests of what the benchmarks are made of; speed is none of their business."""
