"""Progress that several threads may report to at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmark.progress import Progress, Tick


class Shared:
    """Passes on what it is told, one thing at a time."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.RLock()

    @contextmanager
    def step(
        self,
        label: str,
        *,
        total: float | None = None,
        unit: str = "",
        estimate: float | None = None,
    ) -> Iterator[Tick]:
        """Open one step there."""
        shown = self._progress.step(label, total=total, unit=unit, estimate=estimate)
        with self._lock:
            tick = shown.__enter__()

        def locked(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
            with self._lock:
                tick(advance, note=note, total=total)

        try:
            yield locked
        except BaseException as error:
            with self._lock:
                shown.__exit__(type(error), error, error.__traceback__)
            raise
        with self._lock:
            shown.__exit__(None, None, None)

    def say(self, line: str) -> None:
        """Show a line there."""
        with self._lock:
            self._progress.say(line)
