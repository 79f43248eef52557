"""What a job's process wrote, read bit by bit: its events, and its output as log lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.service.child import EVENTS, OUTPUT, hidden

MOST = 1_000_000
"""Bytes that are read of a file at once."""
LONGEST = 4000
"""Characters of a line."""
LINES = 20_000
"""Lines of output that become log lines; what a runaway prints beyond them is left out."""
TELLING = "bench: "
"""How `bench` begins a line that says what went wrong."""


@dataclass
class News:
    """What was new.

    Attributes:
        events: (kind, data), in order.
        progress: The last of them that said where the job is.
        metrics: Of the trainer.
        read: File -> bytes that were read, to go on from.
        errors: Lines by which bench said what went wrong.
    """

    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    progress: Mapping[str, Any] | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def news(folder: Path, read: Mapping[str, int], secrets: Sequence[str], *, ended: bool) -> News:
    """Return what a job's process has written since.

    Args:
        folder: The job's.
        read: How much is known already.
        secrets: What is crossed out.
        ended: Whether nothing more will come, so that a line without end is one, too.
    """
    found = News(read=dict(read))
    for line in _lines(folder / EVENTS, found.read, ended):
        _event(hidden(line, secrets), found)
    for line in _lines(folder / OUTPUT, found.read, ended):
        count = found.read["lines"] = found.read.get("lines", 0) + 1
        text = hidden(line.rstrip(), secrets)[:LONGEST]
        if text.startswith(TELLING):
            found.errors.append(text.removeprefix(TELLING))
        if count == LINES:
            text = "what follows is not kept"
        if text and count <= LINES:
            found.events.append(("log", {"line": text}))
    return found


def _event(line: str, found: News) -> None:
    try:
        event = json.loads(line)
        kind, data = event["kind"], dict(event["data"])
    except (ValueError, KeyError, TypeError):
        return  # a line that a kill cut in two
    if kind == "progress":
        found.progress = data
        found.metrics |= event.get("metrics") or {}
    if kind in ("progress", "log"):
        found.events.append((kind, data))


def _lines(path: Path, read: dict[str, int], ended: bool) -> Iterator[str]:
    """Yield the whole lines that are new, and note how far they go."""
    at = read.get(path.name, 0)
    while True:
        try:
            with path.open("rb") as file:
                file.seek(at)
                content = file.read(MOST)
        except OSError:
            return
        end = content.rfind(b"\n") + 1
        if not end and (ended or len(content) == MOST):
            end = len(content)
        if not end:
            return
        at += end
        read[path.name] = at
        for line in content[:end].splitlines():
            yield line.decode("utf-8", "replace")
        if len(content) < MOST and not (ended and end < len(content)):
            return
