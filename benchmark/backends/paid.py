"""Answers that came over the network and were paid for: each is kept the moment it is there.

One small file an answer, named by all that was asked. A process that is killed, or a neighbour
that fails, costs no answer that had arrived; the next run sends only what is missing. The file
holds what the server said, so that reading it better later costs no second call, and how long
it took: a run that finds its answers here would measure nothing.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmark.references import cache_root


class Paid:
    """The answers on disk, by key. Errors are never kept."""

    def __init__(self) -> None:
        self.root = cache_root() / "answers"
        self.fault = ""
        """Why answers could not be written; empty while they can."""

    def get(self, name: str) -> Any:
        """Return what was kept; None if it is not there, or its file is damaged."""
        try:
            return json.loads(self._path(name).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None

    def put(self, name: str, value: Any) -> None:
        """Keep an answer: the file appears whole. A full disk loses no answer in memory."""
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, scratch = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
            try:
                with os.fdopen(handle, "w", encoding="ascii") as file:
                    json.dump(value, file)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(scratch, path)
            except BaseException:
                Path(scratch).unlink(missing_ok=True)
                raise
        except OSError as error:
            self.fault = f"{path.parent}: {error.strerror or error}"

    def _path(self, name: str) -> Path:
        return self.root / name[:2] / f"{name}.json"
