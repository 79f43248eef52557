"""What CI shows of a run: the step summary and annotations of GitHub, where it is GitHub.

Nothing is written elsewhere: the environment says where it runs (`GITHUB_STEP_SUMMARY` names
the summary's file, `GITHUB_ACTIONS` asks for annotations).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmark.errors import StoreError
from benchmark.gate_results import GateResult
from benchmark.plugins import Report
from benchmark.reporters import format as fmt
from benchmark.reporters import verdict
from benchmark.reporters.summary import lines

MAX_BYTES = 900_000
"""GitHub drops a step's summary above 1 MiB."""
ANNOTATIONS = 10
"""GitHub shows at most ten errors and ten warnings a step."""

Places = Mapping[str, tuple[str, int]]
"""Gate -> the file and line that it is written in."""


def publish(report: Report, places: Places | None = None) -> None:
    """Write the step summary and print annotations, if the environment asks for them.

    Args:
        report: The run.
        places: Where each gate is written, so that an annotation stands at its line.

    Raises:
        StoreError: The summary's file cannot be written.
    """
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        append(Path(target), summary(report))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in workflow_commands(report, places or {}):
            # On stderr, where the runner reads commands too: stdout may be `--json`.
            sys.stderr.write(line + "\n")


def summary(report: Report) -> str:
    """Return the step summary, cut where GitHub would drop it whole."""
    page = "\n".join(lines(report)).rstrip("\n") + "\n\n"
    raw = page.encode("utf-8", "replace")
    if len(raw) <= MAX_BYTES:
        return page
    cut = raw[:MAX_BYTES].decode("utf-8", "ignore").rpartition("\n")[0]
    return f"{cut}\n\n… cut here; report.md has the rest.\n\n"


def append(path: Path, text: str) -> None:
    """Add to a file that other steps write to as well. Raises StoreError."""
    try:
        with path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(
            f"cannot write the step summary: {error.strerror or error}",
            where=str(path),
            hint="unset GITHUB_STEP_SUMMARY, or name a file that can be written",
        ) from error


def workflow_commands(report: Report, places: Places) -> Iterator[str]:
    """Yield workflow commands: an error for each failed gate, a warning for each open one."""
    results = report.results
    counts = {"error": 0, "warning": 0}
    for gate in verdict.ordered_gates(results):
        if gate.outcome == "pass":
            continue
        kind = "error" if gate.effective == "fail" else "warning"
        counts[kind] += 1
        if counts[kind] <= ANNOTATIONS:
            yield _command(kind, gate, results.suite, places.get(gate.gate))
    if results.status == "incomplete":
        what = verdict.headline(results).sentence
        yield f"::error title={_property(f'{results.suite}: incomplete')}::{_data(what)}"


def _command(kind: str, gate: GateResult, suite: str, place: tuple[str, int] | None) -> str:
    title = f"{suite}: {gate.title} ({gate.who}): {gate.outcome}"
    parts = [f"title={_property(title)}"]
    if place is not None and place[1]:
        parts = [f"file={_property(place[0])}", f"line={place[1]}", *parts]
    return f"::{kind} {','.join(parts)}::{_data(gate.reason)}"


def _data(text: str) -> str:
    """Return text for the message: one line, nothing in it read as a command."""
    return fmt.one_line(text, 2_000).replace("%", "%25")


def _property(text: str) -> str:
    """Return text for a property, where commas and colons end it."""
    line = fmt.one_line(text, 300)
    for sign in "%:,":
        line = line.replace(sign, f"%{ord(sign):02X}")
    return line
