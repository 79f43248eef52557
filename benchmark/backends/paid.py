"""Answers that came over the network and were paid for: each is kept the moment it is there.

One small file an answer, named by all that was asked. A process that is killed, or a neighbour
that fails, costs no answer that had arrived; the next run sends only what is missing. The file
holds what the server said, so that reading it better later costs no second call, and how long
it took: a run that finds its answers here would measure nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmark.files import cache_root, write_text


class Paid:
    """The answers on disk, by key. Errors are never kept."""

    def __init__(self) -> None:
        self.root = cache_root() / "answers"
        self.fault = ""
        """Why answers could not be written; empty while they can."""
        self.unreadable = 0
        """Kept answers that could not be read, and were asked for, and paid, once more."""

    def get(self, name: str) -> Any:
        """Return what was kept; None if it is not there, or its file is damaged."""
        try:
            return json.loads(self._path(name).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, RecursionError):
            self.unreadable += 1
            return None

    def put(self, name: str, value: Any) -> None:
        """Keep an answer: the file appears whole. A full disk loses no answer in memory."""
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, json.dumps(value))
        except OSError as error:
            self.fault = f"{path.parent}: {error.strerror or error}"

    def _path(self, name: str) -> Path:
        return self.root / name[:2] / f"{name}.json"
