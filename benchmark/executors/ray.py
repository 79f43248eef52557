"""Work spread over the processors and GPUs of a Ray cluster.

This process keeps the cache, the judges and everything else that has to be in one place; it
sends batches, readings and training jobs to workers, each a Ray actor (or task) with its own
share of the cluster. Ray places them, moves data and notices who dies; what a dead worker had in
hand is done again by another. The batches are those that this process would make: results are
the same bytes, whatever the number of workers.

One box with one or eight GPUs: `bench run SUITE --executor ray` starts Ray there by itself. A
cluster: `ray start` on each node (`bench slurm SUITE` writes that for SLURM), then the same
command on one of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from benchmark.errors import BenchError, ConfigError, MissingDependency
from benchmark.plugins import Plugin
from benchmark.progress import Progress

if TYPE_CHECKING:
    from benchmark.executors.ray_crew import RayCrew

PATIENCE = 10.0
"""Seconds that the head of a cluster has to take a connection."""


class Ray(Plugin):
    """A Ray cluster: generation, readings and trainings on all of its CPUs and GPUs."""

    address: str = "auto"
    """`HOST:PORT` of the cluster's head; auto: the cluster that this machine belongs to
    (`RAY_ADDRESS`, or `ray start`), else one on this machine alone."""
    workers: int | Literal["auto"] = "auto"
    """Most workers; auto: as many as the cluster has room for when the run begins."""
    cpus: int | Literal["auto"] = "auto"
    """Cores of a worker; auto: as many threads as this process computes with, so that results
    are the same; 1 where a GPU does the work."""
    store: str = ""
    """Folder or URL (`s3://`, `gs://`, ...) that all nodes reach, for adapters and weights on
    their way; empty: Ray's object store. Credentials: from the environment only."""

    @field_validator("workers", "cpus")
    @classmethod
    def _at_least_one(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError("must be at least 1, or auto")
        return value

    @contextmanager
    def crew(self, progress: Progress) -> Iterator[RayCrew]:
        """Connect to the cluster; when left, nothing of this run goes on there."""
        try:
            import ray
        except ImportError as error:
            raise MissingDependency(
                "executor ray needs the package ray",
                hint='python -m pip install "benchmark[ray]" (or ray[default])',
            ) from error
        from benchmark.executors import parcels
        from benchmark.executors.ray_crew import RayCrew

        if self.store:
            parcels.check(self.store)
        mine = not ray.is_initialized()
        if mine:
            self._connect(progress)
        try:
            with RayCrew(self, progress) as crew:
                yield crew
        finally:
            if mine:
                ray.shutdown()

    def _connect(self, progress: Progress) -> None:
        import logging

        import ray

        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        address = os.environ.get("RAY_ADDRESS", "auto") if self.address == "auto" else self.address
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        reachable(address)
        try:
            ray.init(address=address, **quiet)
        except ConnectionError as error:
            if address != "auto":
                raise unreachable(address, error) from error
            progress.say("no Ray cluster here: one is started on this machine alone")
            ray.init(address="local", include_dashboard=False, **quiet)
        except (RuntimeError, ValueError, OSError) as error:
            raise unreachable(address, error) from error


def reachable(address: str) -> None:
    """Refuse an address that nobody answers at; Ray itself would try for a minute."""
    import socket

    if address in ("auto", "local"):
        return
    if "://" in address:
        raise ConfigError(
            f"executor.address {address} is that of a Ray client",
            hint="start bench on a node of the cluster, with HOST:PORT of its head or `auto`",
        )
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except (OSError, ValueError) as error:
        raise unreachable(address, error) from error


def unreachable(address: str, error: Exception) -> BenchError:
    """Return the one line about a cluster that cannot be had."""
    reason = " ".join(str(error).split())[:300]
    return BenchError(
        f"no Ray cluster at {address}: {reason}",
        hint="is the head running (`ray status`)? executor.address is HOST:PORT, or auto",
    )
