"""The live view of a run: its stages on one line, its open steps below, as wide as the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
from rich.live import Live
from rich.text import Text

from benchmark.cli.course import Course, Step
from benchmark.cli.said import amount, friendly, rate
from benchmark.reporters import format as fmt

REFRESHES = 4
"""Redraws a second."""
_BAR = 12
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_LEAST = 12
"""Cells that a label keeps however narrow the terminal is."""


class Window:
    """Opens and closes the view on a terminal; where there is none, it is never there."""

    def __init__(self, course: Course, console: Console) -> None:
        self._view, self._console = View(course), console
        self._live: Live | None = None

    @property
    def is_there(self) -> bool:
        """Return whether the view is on the screen."""
        return self._live is not None

    def open(self) -> None:
        """Show the view, if this is a terminal."""
        if (
            self._live is not None
            or not self._console.is_terminal
            or self._console.is_dumb_terminal
        ):
            return
        # What is printed meanwhile goes above the view, unless it is meant for a file.
        self._live = _Redrawn(self._view, self._console, redirect_stdout=sys.stdout.isatty())
        self._live.start()

    def close(self) -> None:
        """Take the view off the screen, with the cursor where it was."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()


class _Redrawn(Live):
    """A view that is drawn anew where the terminal has become narrower.

    A terminal breaks the lines that no longer fit into several. Going up by as many lines as
    were drawn would then leave the first of them behind, at each redraw.
    """

    def __init__(self, view: View, console: Console, *, redirect_stdout: bool) -> None:
        super().__init__(
            get_renderable=lambda: view,
            console=console,
            refresh_per_second=REFRESHES,
            transient=True,
            redirect_stdout=redirect_stdout,
            vertical_overflow="crop",
        )
        self._view = view

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Take back as many lines as there are now, then draw."""
        shape, width = self._live_render._shape, max(1, self.console.width)
        if shape is not None:
            high = sum(max(1, -(-cells // width)) for cells in self._view.drawn)
            self._live_render._shape = (shape[0], max(1, high))
        return super().process_renderables(renderables)


class View:
    """What is shown of a course, drawn anew at each refresh.

    Attributes:
        drawn: Cells of each line that is on the screen.
    """

    def __init__(self, course: Course) -> None:
        self._course = course
        self.drawn: list[int] = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw at most as many lines as fit, none of them broken."""
        # The last column stays empty: some terminals begin a new line when it is written to.
        width = max(1, options.max_width - 1)
        lines = [*self._head(width), *(self._step(step, width) for step in self._steps)]
        shown = lines[: max(1, console.height - 2)]
        for line in shown:
            line.truncate(width, overflow="ellipsis")
        self.drawn = [cell_len(line.plain) for line in shown]
        yield from shown

    @property
    def _steps(self) -> list[Step]:
        return list(self._course.steps)

    def _head(self, width: int) -> Iterator[Text]:
        """Yield the stages, and what it took and will take, on one line if there is room."""
        course = self._course
        place, of = course.number
        if not of:
            return
        part, parts = course.place
        now = f"{course.name} {part}/{parts}" if parts > 1 else course.name
        stages = Text.assemble((f"[{place}/{of}] ", "dim"), (now, "bold"))
        for name in course.after:
            stages.append(f" · {name}", style="dim")
        facts = self._facts()
        free = width - cell_len(stages.plain) - cell_len(facts)
        if free >= 2:
            stages.append(" " * free)
            stages.append(facts)
            yield stages
            return
        yield stages
        yield Text(f"  {facts}")

    def _facts(self) -> str:
        course = self._course
        said = [fmt.duration(float(round(course.seconds)))]
        left = course.left
        if left:
            unknown = "".join(f" + {name}" for name in left.unknown)
            known = f"~{friendly(left.seconds)}" if left.seconds >= 1 else ""
            if known or unknown:
                said.append(f"{known}{unknown} left".strip().removeprefix("+ "))
        if course.cost:
            said.append(f"cost {fmt.price(course.cost)}")
        return " · ".join(said)

    def _step(self, step: Step, width: int) -> Text:
        """Return one step, with as much beside its label as fits."""
        frame = _FRAMES[int(step.elapsed * REFRESHES) % len(_FRAMES)]
        start = "  " * min(step.depth, 3) + f"{frame} "
        room = width - len(start)
        facts = _fitting(
            _beside(step), room - min(cell_len(step.label), max(_LEAST, room * 2 // 5))
        )
        name = Text(step.label)
        name.truncate(max(1, room - sum(map(_cells, facts))), overflow="ellipsis")
        return Text(" ").join([Text(start.rstrip(), style="cyan"), name, *facts])


def _beside(step: Step) -> Iterator[tuple[int, Text]]:
    """Yield what is said beside a step's label, each with its rank: 0 is dropped last."""
    share = step.share
    if share is not None:
        full = round(share * _BAR)
        yield 3, Text.assemble(("━" * full, "cyan"), ("─" * (_BAR - full), "dim"))
    if step.total:
        done = amount(step.done, step.unit if step.unit == "B" else "")
        yield 0, Text(f"{done} / {amount(step.total, step.unit)}")
    elif step.done:
        yield 0, Text(amount(step.done, step.unit))
    if step.speed:
        yield 1, Text(rate(step.speed, step.unit or "items"), style="dim")
    if step.note:
        yield 4, Text(step.note)
    if step.left is not None and step.left >= 1:
        yield 2, Text(f"~{friendly(step.left)} left", style="dim")


def _fitting(facts: Iterable[tuple[int, Text]], room: int) -> list[Text]:
    """Return the facts that fit, in their order; the highest ranks go first."""
    kept = list(facts)
    while kept and sum(_cells(text) for _, text in kept) > room:
        kept.remove(max(kept, key=lambda fact: fact[0]))
    return [text for _, text in kept]


def _cells(text: Text) -> int:
    """Return the cells that a fact takes with the space before it."""
    return cell_len(text.plain) + 1
