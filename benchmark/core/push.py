"""A finished run, sent to an experiment tracker."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from benchmark.core.finished import read_results
from benchmark.errors import ConfigError
from benchmark.trackers import TRACKERS
from benchmark.trackers.content import content


def push(folder: Path, to: str, experiment: str | None = None) -> str:
    """Send a run's parameters, numbers, tags and reports to a tracker.

    Args:
        folder: The run's.
        to: "mlflow" or "wandb"; that tool's own environment variables say where and as whom.
        experiment: Experiment or project; None: the suite's name.

    Returns:
        Where the run is now, in words.

    Raises:
        ConfigError: There is no such tracker.
        StoreError: The run cannot be read.
        MissingDependency: The tracker's package is not installed.
        BenchError: The tracker refuses, or cannot be reached.
    """
    if to not in TRACKERS:
        raise ConfigError(f"no tracker {to!r}", hint=f"known: {', '.join(TRACKERS)}")
    sent = content(read_results(folder), folder)
    where: str = import_module(TRACKERS[to]).send(sent, experiment or sent.experiment)
    return where
