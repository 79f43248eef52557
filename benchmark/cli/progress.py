"""Progress on the terminal, on stderr, so that stdout stays for results."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

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

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)

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
        """Open a step, with its estimate before it starts."""
        if estimate is not None and estimate >= 1:
            self.say(f"{label}: about {friendly(estimate)}")
        started = time.perf_counter()
        if self.console.is_terminal:
            with self._bar(label, total, unit) as tick:
                yield tick
        else:
            with self._lines(label, total, unit) as tick:
                yield tick
        seconds = time.perf_counter() - started
        if seconds >= 1:
            self.say(f"{label}: done in {friendly(seconds)}")

    @contextmanager
    def _bar(self, label: str, total: float | None, unit: str) -> Iterator[Tick]:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            _Amount(unit),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        bar = Progress(*columns, console=self.console, transient=True)
        with bar:
            task = bar.add_task(escape(label), total=total, note="")

            def tick(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
                changes: dict[str, object] = {}
                if note:
                    changes["note"] = escape(note)
                if total is not None:
                    changes["total"] = total
                bar.update(task, advance=advance, **changes)  # type: ignore[arg-type]

            yield tick

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

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        done = amount(task.completed, self.unit)
        return Text(done if task.total is None else f"{done} / {amount(task.total, self.unit)}")


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
