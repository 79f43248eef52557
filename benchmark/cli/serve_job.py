"""The process of one job of `bench serve`: a lock, `bench run`, and a note of how it ended.

Started by `service.child` as `python -m benchmark.cli.serve_job FOLDER FENCE ROUND`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from benchmark.service.child import BUSY, END, EVENTS, LOCK, SUITE, WHO

WAIT = 1.0
"""Seconds to wait for the lock: a server looks at it for a moment."""


def main(arguments: list[str]) -> int:
    """Run the job of a folder.

    Returns:
        The exit code of `bench run`, also in `end.json`; or `BUSY`.
    """
    from filelock import FileLock, Timeout

    folder, fence, again = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    # A shell that started the server in the background let it ignore Ctrl-C, and us with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=WAIT)
    except Timeout:
        return BUSY
    if newest(folder) > fence:
        return BUSY  # another server has had this job since; it is not ours any more
    _write(folder / WHO, {"pid": os.getpid(), "fence": fence, "started": time.time()})
    (folder / END).unlink(missing_ok=True)
    code = _run(folder)
    _write(folder / END, {"code": code, "round": again, "fence": fence})
    return code


def newest(folder: Path) -> int:
    """Return the highest fence under which a process of this job has run."""
    try:
        return int(json.loads((folder / WHO).read_text(encoding="utf-8"))["fence"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _run(folder: Path) -> int:
    from benchmark.cli import main as bench

    sys.argv = ["bench", "run", str(folder / SUITE), "--events", str(folder / EVENTS)]
    try:
        bench()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except KeyboardInterrupt:  # before or after the part that catches it
        return 130
    return 0


def _write(path: Path, content: dict[str, object]) -> None:
    from benchmark.files import write_text

    write_text(path, json.dumps(content))


if __name__ == "__main__":
    try:
        _code = main(sys.argv[1:])
    except KeyboardInterrupt:
        _code = 130
    # Not by `sys.exit`: a library's thread that does not end must not keep a job's place.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_code)
