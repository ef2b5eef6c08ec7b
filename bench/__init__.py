"""`make bench`: benchmarks, as ratios to a peer or a limit within one run."""
