"""Runs over time as flat rows: one for each number of each candidate in each run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmark.history import History

COLUMNS = {
    "suite": "string", "score": "string", "metric": "string", "higher_is_better": "bool",
    "candidate": "string", "kind": "string", "run_id": "string", "finished": "string",
    "commit": "string", "dirty": "bool", "adapter": "string", "fingerprint": "string",
    "value": "float", "low": "float", "high": "float", "n": "int", "failed": "int",
    "comparable": "bool", "apart": "string", "test_sha256": "string", "signature": "string",
    "previous_run": "string", "change": "float", "change_low": "float", "change_high": "float",
    "change_n": "int", "change_verdict": "string", "change_how": "string",
}  # fmt: skip
"""Name -> type. `comparable`: with the newest run; else `apart` says why not."""


def rows(history: History) -> Iterator[dict[str, Any]]:
    """Yield the rows, suite by suite, number by number, candidate by candidate, oldest first."""
    for suite in history.suites:
        for series in suite.series:
            shared = {
                "suite": suite.suite,
                **series.model_dump(
                    include={"score", "metric", "higher_is_better", "test_sha256", "signature"}
                ),
                "comparable": not series.apart,
                "apart": series.apart,
            }
            for line in series.lines:
                for point in line.points:
                    change = point.change
                    yield {
                        **shared,
                        "candidate": line.candidate,
                        "kind": line.kind,
                        **point.model_dump(exclude={"change"}),
                        "previous_run": change.against if change else None,
                        "change": change.difference if change else None,
                        "change_low": change.low if change else None,
                        "change_high": change.high if change else None,
                        "change_n": change.n if change else None,
                        "change_verdict": change.verdict if change else None,
                        "change_how": change.how if change else None,
                    }
