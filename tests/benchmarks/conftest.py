"""Benchmarks are scripts: they import their neighbours by file name and are never collected.

Run them by path, ``python tests/benchmarks/bench_adaptive.py``, not with ``-m``: one of the
packages in the environment ships a top-level ``tests`` of its own.
"""

collect_ignore_glob = ["bench_*.py", "failing.py", "measure.py", "phases.py", "run_all.py"]
