"""Figures for Prometheus: jobs by state, what waits, how long jobs and requests take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from sqlalchemy import select

from benchmark.service import jobs as jobs_
from benchmark.service.database import Database, jobs
from benchmark.service.schemas import ENDED

METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH")
DURATIONS = (1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0)
"""Seconds: bounds of the histogram of jobs."""
STATES = ("queued", "running", "cancelling", *ENDED)


class Figures:
    """One server's registry. What jobs do is read from the database, so that all servers agree."""

    def __init__(self, database: Database) -> None:
        self._registry = CollectorRegistry()
        self._database = database
        self._seconds = Histogram(
            "bench_request_seconds",
            "Time of a request, by route.",
            ["method", "route"],
            registry=self._registry,
        )
        self._answers = Counter(
            "bench_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._registry.register(self)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. `route` is the route's pattern: paths would be without number."""
        known = method if method in METHODS else "other"
        if not route.endswith("/events"):  # a stream takes as long as its reader likes
            self._seconds.labels(known, route).observe(seconds)
        self._answers.labels(known, route, str(status)).inc()

    def text(self) -> bytes:
        """Return all figures as Prometheus reads them."""
        return generate_latest(self._registry)

    def describe(self) -> list[Any]:
        """Return nothing: the database is not asked before somebody wants to know."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yield what the database knows of jobs."""
        counts = jobs_.counts(self._database)
        states = GaugeMetricFamily("bench_jobs", "Jobs by state.", labels=["state"])
        for state in STATES:
            states.add_metric([state], counts.get(state, 0))
        yield states
        yield GaugeMetricFamily(
            "bench_queue_length", "Jobs that wait.", value=counts.get("queued", 0)
        )
        yield self._durations()

    def _durations(self) -> HistogramMetricFamily:
        found = HistogramMetricFamily(
            "bench_job_seconds", "From a job's start to its end, by its end.", labels=["state"]
        )
        with self._database.read() as connection:
            wanted = select(jobs.c.state, jobs.c.finished - jobs.c.started).where(
                jobs.c.state.in_(ENDED), jobs.c.started.is_not(None)
            )
            taken: dict[str, list[float]] = {}
            for state, seconds in connection.execute(wanted):
                taken.setdefault(state, []).append(float(seconds))
        for state, times in sorted(taken.items()):
            bounds = [
                (str(bound), sum(seconds <= bound for seconds in times))
                for bound in (*DURATIONS, float("inf"))
            ]
            buckets = [(name.replace("inf", "+Inf"), float(count)) for name, count in bounds]
            found.add_metric([state], buckets, sum_value=sum(times))
        return found
