"""Wall time of a run and of its steps."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any


class Clock:
    """Wall time of a run and of its steps."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.laps: dict[str, float] = {}
        self._first = self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """End a step."""
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 2)
        self._last = now

    def times(self) -> dict[str, Any]:
        """Return start, end, seconds in all and seconds of each step."""
        return {
            "started": self.started,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._first, 2),
            "timings": self.laps,
        }
