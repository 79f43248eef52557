"""How long steps show themselves: a protocol, and the silent one that the library uses.

The terminal's version lives in `cli/progress.py`, so that no stage imports rich.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Protocol, runtime_checkable


class Tick(Protocol):
    """Moves one step's bar."""

    def __call__(self, advance: float = 1, *, note: str = "", total: float | None = None) -> None:
        """Add `advance` units; `note` replaces the text beside the bar, `total` the length."""


class Progress(Protocol):
    """Where stages report to."""

    def step(
        self,
        label: str,
        *,
        total: float | None = None,
        unit: str = "",
        estimate: float | None = None,
    ) -> AbstractContextManager[Tick]:
        """Open one step.

        Args:
            label: What is being done, for a person.
            total: Its length in `unit`; None where it is not known.
            unit: "tok", "B", "rows", ...
            estimate: Seconds it will probably take, said before it starts.
        """

    def say(self, line: str) -> None:
        """Show one line of plain text (no markup is read in it)."""


class Part(NamedTuple):
    """What one stage of a run has to do for one candidate, said before it begins."""

    stage: str
    item: str = ""
    """The candidate; the labels of its steps begin with "item: ". "" where there is none."""
    seconds: float | None = None
    """About how long it takes; 0 where the cache holds it, None where that is not known."""


@runtime_checkable
class Staged(Protocol):
    """Progress that also wants to know the stages of a run; `begin` tells it, if it does."""

    def stage(self, name: str, stages: Sequence[str], parts: Sequence[Part]) -> None:
        """Say that a stage begins.

        Args:
            name: One of `stages`; "" when the last one is over and reports follow.
            stages: All of the run's, in order.
            parts: What is known of the work ahead; empty until the data are there.
        """


@runtime_checkable
class Paying(Protocol):
    """Progress that also wants to know what is spent; `spend` tells it, if it does."""

    def spent(self, money: float) -> None:
        """Add the price of an answer, in its price list's currency. Called from any thread."""


def begin(
    progress: Progress, name: str, stages: Sequence[str] = (), parts: Sequence[Part] = ()
) -> None:
    """Say that a stage begins, to a progress that wants to know."""
    if isinstance(progress, Staged):
        progress.stage(name, stages, parts)


def spend(progress: Progress, money: float) -> None:
    """Say that an answer was paid for, to a progress that wants to know."""
    if money and isinstance(progress, Paying):
        progress.spent(money)


class Silent:
    """Reports nothing: the default for library use."""

    @contextmanager
    def step(
        self,
        label: str,
        *,
        total: float | None = None,
        unit: str = "",
        estimate: float | None = None,
    ) -> Iterator[Tick]:
        """Open a step that shows nothing."""

        def tick(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
            pass

        yield tick

    def say(self, line: str) -> None:
        """Drop the line."""
