"""Progress on the terminal, on stderr, so that stdout stays for results."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from benchmark.progress import Tick

LONG = 10.0
"""Seconds after which a step without a terminal says again that it goes on."""


class Terminal:
    """Bars where stderr is a terminal; a line at a step's start and end where it is not."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._open = 0
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            _Amount(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            transient=True,
        )

    def say(self, line: str) -> None:
        """Show one line of plain text."""
        self.console.print(Text(line, style="dim"), soft_wrap=True)

    @contextmanager
    def step(
        self,
        label: str,
        *,
        total: float | None = None,
        unit: str = "",
        estimate: float | None = None,
    ) -> Iterator[Tick]:
        """Open a step, with its estimate before it starts. Steps may stand in one another."""
        if estimate is not None and estimate >= 1:
            self.say(f"{label}: about {friendly(estimate)}")
        started = time.perf_counter()
        show = self._bar if self.console.is_terminal else self._lines
        with show(label, total, unit) as tick:
            yield tick
        seconds = time.perf_counter() - started
        if seconds >= 1:
            self.say(f"{label}: done in {friendly(seconds)}")

    @contextmanager
    def _bar(self, label: str, total: float | None, unit: str) -> Iterator[Tick]:
        # One display for all open steps: rich allows no second one.
        if not self._open:
            self._bars.start()
        self._open += 1
        task = self._bars.add_task(escape(label), total=total, note="", unit=unit)

        def tick(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
            changes: dict[str, Any] = {"note": escape(note)} if note else {}
            if total is not None:
                changes["total"] = total
            self._bars.update(task, advance=advance, **changes)

        try:
            yield tick
        finally:
            self._bars.remove_task(task)
            self._open -= 1
            if not self._open:
                self._bars.stop()

    @contextmanager
    def _lines(self, label: str, total: float | None, unit: str) -> Iterator[Tick]:
        state = {"done": 0.0, "total": total or 0.0, "said": time.perf_counter()}
        beside = ""

        def tick(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
            nonlocal beside
            state["done"] += advance
            beside = note or beside
            state["total"] = total or state["total"]
            if time.perf_counter() - state["said"] >= LONG:
                state["said"] = time.perf_counter()
                whole = f" of {amount(state['total'], unit)}" if state["total"] else f" {unit}"
                done = amount(state["done"], "" if unit != "B" else unit)
                self.say(f"{label}: {done}{whole} {beside}".rstrip())

        yield tick


class _Amount(ProgressColumn):
    """What is done, of how much, in the step's unit."""

    def render(self, task: Task) -> Text:
        unit = task.fields["unit"]
        done = amount(task.completed, unit)
        return Text(done if task.total is None else f"{done} / {amount(task.total, unit)}")


def amount(value: float, unit: str) -> str:
    """Return a quantity for people: bytes as MB, others with their unit."""
    if unit == "B":
        return f"{value / 1e6:.1f} MB"
    return f"{value:,.0f} {unit}".rstrip()


def friendly(seconds: float) -> str:
    """Return a duration for people: "40 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
