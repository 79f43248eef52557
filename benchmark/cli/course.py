"""Where a run stands: its stages, its open steps, how fast they go and what is left of all."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from benchmark.progress import Part

WINDOW = 30.0
"""Seconds over which a step's speed is measured."""
FEWEST = 5
"""Marks that are kept even if they are older: of slow steps, few fall into the window."""
SURE = 0.25
"""Done share from which on a step's own speed replaces its estimate."""

_numbers = count(1)


class Left(NamedTuple):
    """What is left of a run."""

    seconds: float
    """About how long, of what is known."""
    unknown: tuple[str, ...]
    """Stages of which nothing is known yet."""


@dataclass(slots=True, eq=False)
class Step:
    """One open step."""

    label: str
    total: float | None
    unit: str
    estimate: float | None
    depth: int
    started: float = field(default_factory=time.monotonic)
    done: float = 0.0
    note: str = ""
    number: int = field(default_factory=lambda: next(_numbers))
    _marks: deque[tuple[float, float]] = field(default_factory=deque)

    def tick(self, advance: float, note: str, total: float | None) -> None:
        """Move."""
        self.done += advance
        self.note = note or self.note
        self.total = self.total if total is None else total
        if advance:
            now = time.monotonic()
            self._marks.append((now, self.done))
            while len(self._marks) > FEWEST and self._marks[0][0] < now - WINDOW:
                self._marks.popleft()

    @property
    def elapsed(self) -> float:
        """Return its seconds so far."""
        return time.monotonic() - self.started

    @property
    def share(self) -> float | None:
        """Return how much of it is done, from 0 to 1; None where its length is not known."""
        return min(1.0, max(0.0, self.done / self.total)) if self.total else None

    @property
    def speed(self) -> float | None:
        """Return units a second of late; None until two marks tell it.

        The first mark says only where it began: a step that goes on from the cache jumps there.
        """
        if len(self._marks) < 2:
            return None
        (first, had), (last, has) = self._marks[0], self._marks[-1]
        return (has - had) / (last - first) if last > first and has > had else None

    @property
    def left(self) -> float | None:
        """Return about how many seconds it still takes; None if neither speed nor estimate says."""
        by_speed = None
        if self.total and self.speed:
            by_speed = max(0.0, self.total - self.done) / self.speed
        by_estimate = None if self.estimate is None else max(0.0, self.estimate - self.elapsed)
        if by_speed is None or by_estimate is None:
            return by_estimate if by_speed is None else by_speed
        trust = min(1.0, (self.share or 0.0) / SURE)
        return trust * by_speed + (1 - trust) * by_estimate


class Course:
    """The stages of a run, what each has to do, and the steps that are open.

    Attributes:
        name: The stage that runs; "" outside of a run.
        stages: All of them, in order.
        steps: Open steps, outer ones first.
        cost: What was spent.
    """

    def __init__(self) -> None:
        self.name = ""
        self.stages: Sequence[str] = ()
        self.steps: list[Step] = []
        self.cost = 0.0
        self.started = self._entered = time.monotonic()
        self._parts: Sequence[Part] = ()
        self._begun: dict[Part, Step] = {}
        self._took: dict[Part, float] = {}

    def stage(self, name: str, stages: Sequence[str], parts: Sequence[Part]) -> None:
        """Enter a stage."""
        if not self.name:
            self.started = time.monotonic()
        self.name, self.stages, self._parts = name, stages, parts
        self._entered = time.monotonic()

    def open(self, step: Step) -> None:
        """Note a step that begins."""
        self.steps.append(step)
        part = self._part(step)
        if part is not None:
            self._begun[part] = step

    def close(self, step: Step) -> None:
        """Note one that ends, well or not."""
        self.steps.remove(step)
        for part, begun in self._begun.items():
            if begun is step:
                self._took[part] = self._took.get(part, 0.0) + step.elapsed

    @property
    def seconds(self) -> float:
        """Return how long the run has taken."""
        return time.monotonic() - self.started

    @property
    def number(self) -> tuple[int, int]:
        """Return the stage's place, from 1, and how many there are; zeros outside of a run."""
        if self.name not in self.stages:
            return 0, 0
        return self.stages.index(self.name) + 1, len(self.stages)

    @property
    def after(self) -> Sequence[str]:
        """Return the stages that are still to come."""
        return self.stages[self.number[0] :] if self.name else ()

    @property
    def place(self) -> tuple[int, int]:
        """Return which of the stage's parts runs, from 1, and how many there are to do.

        (0, 0) where nothing is known of them.
        """
        todo = [part for part in self._of(self.name) if part.item and part.seconds != 0]
        running = [at for at, part in enumerate(todo, 1) if part in self._begun]
        return (max(running), len(todo)) if running else (0, 0)

    @property
    def left(self) -> Left | None:
        """Return what is left of the run; None before its parts are known."""
        if not self.name or not self._parts:
            return None
        seconds, unknown = self._now()
        for stage in self.after:
            for part in self._of(stage):
                if part.seconds is None:
                    unknown.append(stage)
                else:
                    seconds += part.seconds
        return Left(seconds, tuple(dict.fromkeys(unknown)))

    def _now(self) -> tuple[float, list[str]]:
        """Return the seconds left in the stage that runs, and its name if they are not known."""
        mine = self._of(self.name)
        if mine and not mine[0].item:  # one part for the whole stage
            known = mine[0].seconds
            if known is not None:
                return max(0.0, known - (time.monotonic() - self._entered)), []
            found = [step.left for step in self.steps if step.left is not None]
            return (max(found), []) if found else (0.0, [self.name])
        seconds, unknown, pace = 0.0, [], self._pace(mine)
        for part in mine:
            if part in self._took:
                continue
            step = self._begun.get(part)
            left = step.left if step else None
            if left is None and part.seconds is not None:
                left = part.seconds * pace
            if left is None:
                unknown = [self.name]
            seconds += left or 0.0
        return seconds, unknown

    def _pace(self, parts: Sequence[Part]) -> float:
        """Return how much longer than estimated the stage's finished parts took."""
        done = [part for part in parts if part in self._took and part.seconds]
        expected = sum(part.seconds or 0.0 for part in done)
        return sum(self._took[part] for part in done) / expected if expected else 1.0

    def _of(self, stage: str) -> list[Part]:
        return [part for part in self._parts if part.stage == stage]

    def _part(self, step: Step) -> Part | None:
        mine = (part for part in self._of(self.name) if part.item)
        return next((one for one in mine if step.label.startswith(f"{one.item}: ")), None)
