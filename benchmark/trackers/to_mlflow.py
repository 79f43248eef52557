"""Runs in MLflow. `MLFLOW_TRACKING_URI` and MLflow's other variables say where, and who one is."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import Any

from benchmark.errors import BenchError
from benchmark.trackers.content import Content, first_line, library, missing

KEY = "bench.key"
"""Tag by which a run is found again."""
_BATCH = 100
"""Parameters or tags in one request; of metrics it takes more."""
_LONGEST = 500
"""Characters of a parameter that every version of MLflow takes."""


def send(content: Content, experiment: str) -> str:
    """Send a run, once: the same run again changes nothing.

    Returns:
        Where it is, in words.

    Raises:
        MissingDependency: MLflow is not installed, or not what it needs for this place.
        BenchError: MLflow refuses, or cannot be reached.
    """
    # Its own default waits for a server that is gone for many minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    mlflow = library("mlflow")
    where = mlflow.get_tracking_uri()
    try:
        return f"{_sent(mlflow, content, experiment)} of {_shown(where)}"
    except ModuleNotFoundError as error:
        raise missing(error.name or "?", "mlflow") from error
    except Exception as error:
        raise BenchError(
            f"MLflow at {_shown(where)}: {first_line(error)}",
            hint="MLFLOW_TRACKING_URI says where it is",
        ) from error


def _sent(mlflow: Any, content: Content, experiment: str) -> str:
    client = mlflow.MlflowClient()
    known = client.get_experiment_by_name(experiment)
    place = known.experiment_id if known else client.create_experiment(experiment)
    query = f"tags.`{KEY}` = '{content.key}' and attributes.status = 'FINISHED'"
    there = client.search_runs([place], filter_string=query, max_results=1)
    if there:
        return f"it is there already: run {there[0].info.run_id} in {experiment!r}"
    run = client.create_run(
        place,
        start_time=_milliseconds(content.started),
        tags={**content.tags, KEY: content.key},
        run_name=content.name,
    )
    name = run.info.run_id
    try:
        _log(mlflow, client, name, content)
        for at, path in content.files.items():
            above = PurePosixPath(at).parent.as_posix()
            client.log_artifact(name, str(path), None if above == "." else above)
    except BaseException:
        client.set_terminated(name, "FAILED")
        raise
    client.set_terminated(name, "FINISHED", _milliseconds(content.finished))
    return f"run {name} in {experiment!r}"


def _log(mlflow: Any, client: Any, name: str, content: Content) -> None:
    entities = mlflow.entities
    at = _milliseconds(content.finished)
    parameters = [
        entities.Param(key, value[:_LONGEST]) for key, value in content.parameters.items()
    ]
    metrics = [entities.Metric(key, value, at, 0) for key, value in content.metrics.items()]
    for start in range(0, len(parameters), _BATCH):
        client.log_batch(name, params=parameters[start : start + _BATCH])
    for start in range(0, len(metrics), 5 * _BATCH):
        client.log_batch(name, metrics=metrics[start : start + 5 * _BATCH])


def _milliseconds(moment: Any) -> int:
    return int(moment.timestamp() * 1000)


def _shown(where: str) -> str:
    """Return a place without the name and password that may stand in it."""
    from urllib.parse import urlsplit

    parts = urlsplit(where)
    if "@" not in parts.netloc:
        return where
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
