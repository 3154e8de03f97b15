"""One file a workload (or a family of them); see `tests/benchmarks/workload.py`."""
