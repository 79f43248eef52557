"""Who works, and what there is to do."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from benchmark.executors.worker import Load


class Task:
    """One call to a worker."""

    def __init__(self, method: str, load: Load, arguments: tuple[Any, ...]) -> None:
        self.method, self.load, self.arguments = method, load, arguments
        self.future: Future[Any] = Future()
        self.deaths = 0
        self.begun = False


class Hired:
    """One worker."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.node = ""
        self.load: Load | None = None
        self.task: Task | None = None
