"""What the benchmarks share: servers to measure, load generators, accounting of process trees, tables and plots.

Standard library only; it stands on scripts/devtools, which the calling script puts into the path.
"""
