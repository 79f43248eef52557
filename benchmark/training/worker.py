"""One process of several that train together: `python -m benchmark.training.worker JOB_FILE`.

Started by `launch.py` through `accelerate launch`, and tells it what happens by lines of JSON in
a file. Reading stdin, it learns that whoever started it is gone, and goes too.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.errors import BenchError
from benchmark.progress import Progress, Silent, Tick
from benchmark.training.job import Order


def main(path: str, train: Callable[..., Any] | None = None) -> int:
    """Do one process's part of a training; return its exit code.

    Args:
        path: File of an `Order`.
        train: Tests put something in place of `run.train`.
    """
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    order = Order.read(Path(path))
    rank = int(os.environ["RANK"])
    _redirect(order.log_of(rank))
    events = Events(order.events)
    try:
        _work(order, rank, events, train)
    except BenchError as error:
        events.send(**_told(error))
        return 1
    except Exception as error:
        traceback.print_exc()
        events.send(event="died", rank=rank, text=f"{type(error).__name__}: {error}")
        return 1
    events.send(event="done")
    return 0


class Events:
    """Lines of JSON at the end of a file. Each is one write, so that processes do not mix."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)

    def send(self, **event: Any) -> None:
        """Tell one event."""
        os.write(self._file, (json.dumps(event) + "\n").encode("ascii"))


class Reported:
    """Progress that shows itself in the process that started this one."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._opened = 0

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
        self._opened += 1
        number = self._opened
        more = {"total": total, "unit": unit, "estimate": estimate}
        self._events.send(event="open", step=number, label=label, **more)

        def tick(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
            self._events.send(event="tick", step=number, advance=advance, note=note, total=total)

        yield tick
        self._events.send(event="close", step=number)

    def say(self, line: str) -> None:
        """Show a line there."""
        self._events.send(event="say", line=line)


def _work(order: Order, rank: int, events: Events, train: Callable[..., Any] | None) -> None:
    from accelerate import PartialState

    from benchmark.devices import placement
    from benchmark.training import run

    cpu = placement(order.job.dtype, training=True).device == "cpu"
    PartialState(cpu=cpu)  # the processes meet here, before any model is loaded
    progress: Progress = Reported(events) if rank == 0 else Silent()
    (train or run.train)(order.job, order.folder, order.work, progress)
    # Not after a failure: the others would fail for want of this one, and tell of it first.
    PartialState().destroy_process_group()


def _told(error: BenchError) -> dict[str, Any]:
    """Return an error as an event, from which `launch.py` makes it again."""
    from benchmark.training.memory import OutOfMemory

    if isinstance(error, OutOfMemory):
        return {"event": "out of memory", "tokens": error.tokens, "single": error.single}
    (first, *_) = error.problems
    told = {"where": first.where, "what": first.what, "hint": first.hint}
    return {"event": "error", "kind": type(error).__name__, **told}


def _redirect(log: Path) -> None:
    """Write what this process prints, and what its libraries print, into its own file."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)


def _leave_with_parent() -> None:
    """Wait for the end of stdin, which nobody writes to; then leave without any goodbye."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
