"""What a training on another machine tells while it goes on, through a queue of Ray."""

from __future__ import annotations

import json
from typing import Any

from benchmark.progress import Progress


class Board:
    """What one training tells while it goes on, through a queue of Ray."""

    def __init__(self, progress: Progress) -> None:
        from ray.util.queue import Queue

        from benchmark.training.launch import Relay

        self.begun = 0
        self._queue = Queue(actor_options={"num_cpus": 0})
        self.sender = Sender(self._queue)
        self._lines: list[bytes] = []
        self._relay = Relay(progress, self)
        self._relay.__enter__()

    def read(self) -> bytes:
        """Return what was written since, as the relay of several processes reads it."""
        lines, self._lines = self._lines, []
        return b"".join(lines)

    def pump(self) -> None:
        """Show what has been told since."""
        count = self._queue.qsize()
        for event in self._queue.get_nowait_batch(count) if count else ():
            if event["event"] == "begin":
                self.begun += 1
                self._relay.restart()
            else:
                self._lines.append(json.dumps(event).encode("ascii") + b"\n")
                self._relay.pump()

    def __enter__(self) -> Board:
        """Give itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Take the board down."""
        self._relay.__exit__()
        self._queue.shutdown(force=True)


class Sender:
    """The worker's side of a board."""

    def __init__(self, queue_: Any) -> None:
        self._queue = queue_

    def send(self, **event: Any) -> None:
        """Write one event; a board that is gone hinders no training."""
        from ray.exceptions import RayError

        try:
            self._queue.put_nowait(event)
        except RayError:
            return
