"""Finished runs, as commands name them; `core.finished` finds and reads them."""

from benchmark.core.finished import RESULTS, all_runs, find_run, read_results

__all__ = ["RESULTS", "all_runs", "find_run", "read_results"]
