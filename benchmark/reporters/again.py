"""How to run a run again: one command, and what must be the same for it to give the same."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from benchmark.plugins import Report
from benchmark.reporters import format as fmt
from benchmark.results import Results

MOST_CHARS = 60_000
"""Characters of a suite that a page shows."""


@dataclass(frozen=True, slots=True)
class Again:
    """How to run it again."""

    command: str
    words: str
    suite: str
    """The resolved suite, as text; empty where the run's folder has none."""


def again(report: Report) -> Again:
    """Return the command, what to know about it, and the suite as it was resolved."""
    file = report.folder / "suite.yaml"
    suite = file.read_text("utf-8", "replace") if file.is_file() else ""
    return Again(_command(report.results), _words(report.results), fmt.clean(suite[:MOST_CHARS]))


def _command(results: Results) -> str:
    command = fmt.one_line(results.command, 2_000) or f"bench run {shlex.quote(results.suite)}"
    commit = results.environment.commit
    return f"git checkout {shlex.quote(fmt.one_line(commit))} && {command}" if commit else command


def _words(results: Results) -> str:
    where = results.environment
    said = [
        f"The same commit, data and packages give the fingerprint {fmt.one_line(results.fingerprint)}; "  # noqa: E501
        "what is in the cache already is not computed again."
    ]
    if where.dirty:
        said.append(
            "The checkout had uncommitted changes, so the commit alone does not give this run."
        )
    if where.commit is None:
        version = where.versions.get("benchmark")
        said.append(
            f"It was run from an installed package (benchmark {fmt.one_line(version)})."
            if version
            else "The commit is not known."
        )
    return " ".join(said)
