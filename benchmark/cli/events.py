"""Progress as JSON lines in a file: what `bench serve` reads of the runs that it started."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from benchmark.cli.course import Course, Step
from benchmark.progress import Part, Tick

EVERY = 0.5
"""Seconds between two lines about a step that moves."""
LONGEST = 2000
"""Characters of a line, a label or a note."""
_LOSS = re.compile(r"(validation )?loss (-?[0-9.]+(?:e[+-]?[0-9]+)?)")


class Events:
    """Writes one line each time a step begins, moves or ends, and for each line that is said.

    ::

        {"kind": "progress", "data": {"stage": "generate", "item": "lora: 32 answers", ...}}
        {"kind": "progress", "data": {...}, "metrics": {"loss": 1.9}}
        {"kind": "log", "data": {"line": "..."}}
    """

    def __init__(self, path: Path) -> None:
        self.course = Course()
        self._file = path.open("a", encoding="ascii")
        self._lock = threading.RLock()
        self._said = 0.0
        self._line = ""

    def __enter__(self) -> Self:
        """Do nothing: the file is open."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self._file.close()

    def say(self, line: str) -> None:
        """Write down one line of plain text."""
        with self._lock:
            self._line = " ".join(line.split())[:LONGEST]
            self._write({"kind": "log", "data": {"line": self._line}})

    def stage(self, name: str, stages: Sequence[str], parts: Sequence[Part]) -> None:
        """Enter a stage of the run."""
        with self._lock:
            self.course.stage(name, stages, parts)
            self._tell({})

    def spent(self, money: float) -> None:
        """Add the price of an answer."""
        with self._lock:
            self.course.cost += money

    @contextmanager
    def step(
        self,
        label: str,
        *,
        total: float | None = None,
        unit: str = "",
        estimate: float | None = None,
    ) -> Iterator[Tick]:
        """Open one step."""
        step = Step(label[:LONGEST], total, unit, estimate, len(self.course.steps))
        with self._lock:
            self.course.open(step)
            self._tell({})

        def tick(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
            with self._lock:
                step.tick(advance, note[:LONGEST], total)
                found = _LOSS.fullmatch(note)
                metrics = {f"{'validation_' if found[1] else ''}loss": float(found[2])} if found \
                    else {}  # fmt: skip
                if metrics or time.monotonic() - self._said >= EVERY:
                    self._tell(metrics)

        try:
            yield tick
        finally:
            with self._lock:
                self._tell({})
                self.course.close(step)

    def _tell(self, metrics: dict[str, float]) -> None:
        self._said = time.monotonic()
        event = {"kind": "progress", "data": self._where()}
        self._write({**event, "metrics": metrics} if metrics else event)

    def _where(self) -> dict[str, Any]:
        """Return where the run is: the step that can say the most, and what is left of all."""
        course = self.course
        steps = [step for step in course.steps if step.total] or course.steps
        step = steps[-1] if steps else None
        left = course.left
        seconds = left.seconds if left else (step.left if step else None)
        whole = course.seconds + left.seconds if left else 0.0
        return {
            "stage": course.name,
            "item": step.label if step else "",
            "done": step.done if step else 0,
            "total": step.total if step else None,
            "unit": step.unit if step else "",
            "fraction": round(course.seconds / whole, 4) if whole else None,
            "tokens_per_second": step.speed if step and step.unit == "tok" else None,
            "cost": course.cost or None,
            "eta_seconds": None if seconds is None else round(seconds, 1),
            "line": (step.note if step else "") or self._line,
        }

    def _write(self, event: dict[str, Any]) -> None:
        if self._file.closed:
            return
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()
