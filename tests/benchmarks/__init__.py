"""Measurements, each run as a module: `python -m tests.benchmarks.first_call`."""
