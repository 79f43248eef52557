"""The process of a job, seen from outside: start it, tell whether it lives, stop it.

What it leaves in the job's folder is all that a server knows of it, so that any server can go on
where another one was killed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmark.errors import BenchError
from benchmark.files import write_text

LOCK, WHO, END = "job.lock", "process.json", "end.json"
SUITE, EVENTS, OUTPUT = "suite.yaml", "events.jsonl", "output.log"
BUSY = 75
"""Exit code of a process that found another one running the job."""
MARK = "BENCH_SERVICE_JOB"
"""Variable by which all processes of a job can be told, also those that left its group."""
MODULE = "benchmark.cli.serve_job"

HARMLESS = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TEMP|TMP|TERM|COLUMNS|NO_COLOR"
    r"|PYTHON(PATH|UTF8|HASHSEED|WARNINGS|DONTWRITEBYTECODE)|VIRTUAL_ENV|LD_LIBRARY_PATH"
    r"|(OMP|MKL|OPENBLAS|NUMEXPR|TORCH|TRITON|CUDA|NVIDIA|NCCL|ROCR|HIP|PYTORCH)_\w+"
    r"|BENCH_(CACHE|OFFLINE)|XDG_CACHE_HOME|HF_(HOME|HUB_CACHE|HUB_OFFLINE|ENDPOINT)"
    r"|TOKENIZERS_PARALLELISM|TRANSFORMERS_\w+|PIP_\w+|npm_config_\w+"
    r"|(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE"
)
"""Variables that a job sees without being asked for."""
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH|COOKIE|_DB$|DSN", re.IGNORECASE)
"""In a variable's name: its value is never written into a log."""
_IN_URL = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")


def environment(
    server: Mapping[str, str], *, allowed: Iterable[str], job: str, more: Mapping[str, str]
) -> dict[str, str]:
    """Return what a job's process sees of the server's variables, and what it gets beside.

    Args:
        server: The server's own variables.
        allowed: Names that its configuration hands on.
        job: The job's id.
        more: What is set for it.
    """
    names = {*allowed}
    seen = {
        name: value
        for name, value in server.items()
        if name in names or (HARMLESS.fullmatch(name) and not SECRET.search(name))
    }
    return {**seen, "PYTHONUNBUFFERED": "1", **more, MARK: job}


def secrets_of(server: Mapping[str, str]) -> list[str]:
    """Return the values that no log may hold, the longest first."""
    found = {value for name, value in server.items() if SECRET.search(name) and len(value) >= 8}
    found |= {hit for value in server.values() for hit in _IN_URL.findall(value) if len(hit) > 3}
    return sorted(found, key=len, reverse=True)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """Return a text with secrets, and user names in URLs, crossed out."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return _IN_URL.sub("***", text)


def start(
    folder: Path, *, fence: int, again: int, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start the process of a job, in a session of its own: it outlives the server.

    Raises:
        BenchError: There is no process to be had.
    """
    command = [sys.executable, "-m", MODULE, str(folder), str(fence), str(again)]
    try:
        with (folder / OUTPUT).open("ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(variables),
                start_new_session=True,
            )
    except OSError as error:
        raise BenchError(f"no process could be started: {error.strerror or error}") from error


def is_held(folder: Path) -> bool:
    """Tell whether a process runs the job of a folder: the kernel keeps its lock as long."""
    import fcntl

    try:
        handle = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)  # lets go of it, too
    return False


def end_of(folder: Path, again: int) -> int | None:
    """Return the exit code of the job's last process; None: it ended without a word."""
    found = _read(folder / END)
    return found.get("code") if found.get("round") == again else None


def signal_all(folder: Path, job: str, number: signal.Signals) -> None:
    """Send a signal to all processes of a job."""
    for pid in processes(folder, job):
        with suppress(OSError):
            os.kill(pid, number)


def processes(folder: Path, job: str) -> list[int]:
    """Return the processes of a job, told by their mark: a number alone may be anybody's by now."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == job:
                found.append(process.pid)
    return found


def started(folder: Path) -> float:
    """Return since when the job's process runs, in seconds since 1970; now if nobody knows."""
    found = _read(folder / WHO).get("started")
    return float(found) if isinstance(found, int | float) else time.time()


def main_process(folder: Path, job: str) -> int | None:
    """Return the job's own process, if it lives: the one that a polite signal goes to."""
    import psutil

    pid = _read(folder / WHO).get("pid")
    if not isinstance(pid, int):
        return None
    with suppress(psutil.Error, OSError):
        if psutil.Process(pid).environ().get(MARK) == job:
            return pid
    return None


def interrupt(folder: Path, job: str) -> None:
    """Ask a job to stop, as Ctrl-C does: it leaves what it has computed in order."""
    pid = main_process(folder, job)
    if pid is not None:
        with suppress(OSError):
            os.killpg(pid, signal.SIGINT)


def prepare(folder: Path, text: str) -> None:
    """Write what the process reads."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / SUITE, text)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
