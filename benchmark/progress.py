"""How long steps show themselves: a protocol, and the silent one that the library uses.

The terminal's version lives in `cli/progress.py`, so that no stage imports rich.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


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
