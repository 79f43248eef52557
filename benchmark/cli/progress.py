"""Progress on the terminal, on stderr, so that stdout stays for results."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.text import Text

from benchmark.cli.course import Course, Step
from benchmark.cli.live import Window
from benchmark.cli.said import amount, friendly
from benchmark.progress import Part, Tick
from benchmark.reporters import format as fmt

LONG = 10.0
"""Seconds after which a step without a terminal says again that it goes on."""


class Terminal:
    """A live view where stderr is a terminal; a line at a step's start and end where it is not.

    Labels, notes and lines may hold what a model or a server wrote: they are cleaned here.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.course = Course()
        self._lock = threading.RLock()
        self._window = Window(self.course, self.console)
        self._said_stage = ""

    def __enter__(self) -> Self:
        """Do nothing: the view opens when there is something to see."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the view, however the run ended."""
        self.course.name = ""
        self._window.close()

    def say(self, line: str) -> None:
        """Show one line of plain text."""
        shown = " ".join(fmt.clean(line).splitlines())
        self.console.print(Text(shown, style="dim"), soft_wrap=True)

    def stage(self, name: str, stages: Sequence[str], parts: Sequence[Part]) -> None:
        """Enter a stage of a run; the view stays open until the last one is over."""
        with self._lock:
            self.course.stage(name, stages, parts)
            self._follow()

    def spent(self, money: float) -> None:
        """Add to what the run has cost."""
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
        """Open a step, with its estimate before it starts. Steps may stand in one another."""
        step = Step(fmt.one_line(label), total, unit, estimate, len(self.course.steps))
        with self._lock:
            self.course.open(step)
            self._follow()
        if estimate is not None and estimate >= 1:
            self._say_stage()
            self.say(f"{step.label}: about {friendly(estimate)}")
        try:
            yield self._tick(step)
        finally:
            with self._lock:
                self.course.close(step)
                self._follow()
        if step.elapsed >= 1:
            self.say(f"{step.label}: done in {friendly(step.elapsed)}")

    def _follow(self) -> None:
        """Open the view while there is something to see, and close it when there is not."""
        if self.course.name or self.course.steps:
            self._window.open()
        else:
            self._window.close()

    def _tick(self, step: Step) -> Tick:
        said = time.monotonic()

        def tick(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
            nonlocal said
            step.tick(advance, fmt.one_line(note), total)
            if not self._window.is_there and time.monotonic() - said >= LONG:
                said = time.monotonic()
                self._say_stage()
                self.say(self._how_far(step))

        return tick

    def _say_stage(self) -> None:
        """Without a view, say which stage this is, before the first of its lines."""
        place, of = self.course.number
        if self._window.is_there or not of or self._said_stage == self.course.name:
            return
        self._said_stage = self.course.name
        left = self.course.left
        about = f": about {friendly(left.seconds)} left" if left and left.seconds >= 1 else ""
        but = f", not counting {', '.join(left.unknown)}" if about and left and left.unknown else ""
        self.say(f"stage {place} of {of}, {self.course.name}{about}{but}")

    @staticmethod
    def _how_far(step: Step) -> str:
        whole = f" of {amount(step.total, step.unit)}" if step.total else f" {step.unit}".rstrip()
        done = amount(step.done, "" if step.unit != "B" else step.unit)
        speed = f", {step.speed:,.0f} tok/s" if step.unit == "tok" and step.speed else ""
        return f"{step.label}: {done}{whole}{speed} {step.note}".rstrip()
