"""Wall time of a run and of its stages, which are announced as they begin."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from benchmark.progress import Part, Progress, Silent, begin


class Clock:
    """Wall time of a run and of its stages.

    Args:
        progress: Where the stages are announced.
        stages: Those of the run, in order; the first begins now.
    """

    def __init__(self, progress: Progress | None = None, stages: Sequence[str] = ()) -> None:
        self._progress, self._stages = progress or Silent(), tuple(stages)
        self._parts: Sequence[Part] = ()
        self._begin(0)
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.laps: dict[str, float] = {}
        self._first = self._last = time.perf_counter()

    def lap(self, name: str, ahead: Sequence[Part] = ()) -> None:
        """End a stage, and begin the one after it.

        Args:
            name: The one that ends; one that is not among the run's stages is only timed.
            ahead: What is now known of those that follow.
        """
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 2)
        self._last = now
        self._parts = ahead or self._parts
        if name in self._stages:
            self._begin(self._stages.index(name) + 1)

    def times(self) -> dict[str, Any]:
        """Return start, end, seconds in all and seconds of each stage."""
        return {
            "started": self.started,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._first, 2),
            "timings": self.laps,
        }

    def _begin(self, place: int) -> None:
        name = self._stages[place] if place < len(self._stages) else ""
        begin(self._progress, name, self._stages, self._parts)
