"""A training in several processes: start them, show what they do, and leave none behind.

`accelerate launch` starts the processes, each of which runs `worker.py`. They tell what happens
by lines of JSON in a file. If one runs out of memory all begin again from the last whole
checkpoint, with smaller pieces.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark import errors
from benchmark.devices import Placement, placement
from benchmark.errors import CandidateError
from benchmark.manifests import TrainingManifest
from benchmark.models import local_model
from benchmark.progress import Progress, Tick
from benchmark.suite_train import ParallelSpec
from benchmark.training import manifest, memory, parallel, run
from benchmark.training.job import Job, Order

WORKER = "benchmark.training.worker"
"""Module that each process runs."""

KILLS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS)
"""Signals that end one process by surprise, whereupon the others fail for want of it."""

PATIENCE = 10.0
"""Seconds that a process gets to end by itself."""


def train(job: Job, folder: Path, work: Path, progress: Progress) -> TrainingManifest:
    """Do what `run.train` does, in the processes that the job's `parallel` asks for.

    Args:
        job: What to train.
        folder: Where the finished adapter goes, with accelerate's settings beside it.
        work: Where checkpoints and what the processes print are kept until then.
        progress: Where the steps show themselves.

    Raises:
        FetchError: The base model cannot be fetched.
        MissingDependency: The method or the strategy needs a package that is not installed.
        CandidateError: It cannot be trained so, or a process has failed.
    """
    place = placement(job.dtype, training=True)
    count = parallel.processes_of(job.spec.parallel or ParallelSpec(), place)
    parallel.check(job.spec, count, place)
    if count == 1 and not job.is_sharded:
        return run.train(job, folder, work, progress)
    local_model(job.model, progress)  # fetched and converted once, not by each process
    memory.release(place.device)  # what this process holds on a GPU for nothing
    while True:
        failed = _attempt(job, folder, work, progress, (count, place))
        if failed is None:
            break
        progress.say(f"{job.name or job.spec.method}: out of memory, again in smaller pieces")
        job = _relieved(job, failed)
    made = manifest.read(folder)
    if made is None:
        raise CandidateError("the processes ended without an adapter", hint=f"look into {work}")
    shutil.copy(work / parallel.CONFIG, folder / parallel.CONFIG)
    shutil.rmtree(work, ignore_errors=True)
    return made


def _relieved(job: Job, failed: dict[str, Any]) -> Job:
    """Return the job with less at once: half of the tokens, or no activations kept."""
    times, tokens = job.out_of_memory + 1, int(failed["tokens"])
    if not failed["single"]:
        return replace(job, room=max(1, tokens // 2), out_of_memory=times)
    if job.spec.gradient_checkpointing == "auto":
        spec = job.spec.model_copy(update={"gradient_checkpointing": True})
        return replace(job, spec=spec, out_of_memory=times)
    raise CandidateError(
        f"out of memory while training on a single row of {tokens} tokens",
        hint="lower train.max_length, or use more processes with strategy fsdp2 or zero3",
    )


def _attempt(
    job: Job, folder: Path, work: Path, progress: Progress, where: tuple[int, Placement]
) -> dict[str, Any] | None:
    """Let the processes train once; return None, or how memory ran out.

    Raises:
        BenchError: What one of them raised.
        CandidateError: One of them died.
    """
    count, place = where
    order = Order(job=job, folder=folder, work=work / "steps", events=work / "events.jsonl")
    order.work.mkdir(parents=True, exist_ok=True)
    order.events.write_bytes(b"")
    for old in work.glob("*.log"):
        old.unlink()
    orders, config = work / "order.json", work / parallel.CONFIG
    orders.write_text(order.model_dump_json(), encoding="utf-8")
    _write_config(config, parallel.accelerate_config(job, count, place))
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)]
    command += ["-m", WORKER, str(orders)]
    environment = parallel.environment(count, place)
    with order.events.open("rb") as events, (work / "launch.log").open("wb") as log:
        relay = Relay(progress, events)
        with _ended_by_signals(), relay, _started(command, environment, log) as process:
            while process.poll() is None and not relay.failed:
                relay.pump()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
        # Only now have all of them ended, and told what they had to tell.
        relay.pump()
    if relay.failed and relay.failed["event"] == "out of memory":
        return relay.failed
    # One that has told that all is done may still trip over a library's own end.
    if relay.done < count:
        raise _reason(relay.failed, order, count)
    return None


class Relay:
    """Shows here what another process reports.

    Attributes:
        failed: The first failure of any process.
        done: How many have done all of their part.
    """

    def __init__(self, progress: Progress, events: Any) -> None:
        self.failed: dict[str, Any] | None = None
        self.done = 0
        self._progress = progress
        self._events = events
        self._rest = b""
        self._open: dict[int, contextlib.ExitStack] = {}
        self._ticks: dict[int, Tick] = {}

    def __enter__(self) -> None:
        """Nothing to begin with."""

    def __exit__(self, *error: Any) -> None:
        """End what the first process has not closed: it is not done."""
        self.restart()

    def restart(self) -> None:
        """Close all steps: whoever opened them has ended."""
        stopped = CandidateError("stopped")
        for stack in reversed(self._open.values()):
            stack.__exit__(CandidateError, stopped, None)
        self._open.clear()

    def pump(self) -> None:
        """Show what has been told since."""
        *lines, self._rest = (self._rest + self._events.read()).split(b"\n")
        for line in lines:
            self._show(json.loads(line))

    def _show(self, event: dict[str, Any]) -> None:
        kind, step = event.pop("event"), event.pop("step", 0)
        if kind == "open":
            self._open[step] = contextlib.ExitStack()
            shown = self._progress.step(event.pop("label"), **event)
            self._ticks[step] = self._open[step].enter_context(shown)
        elif kind == "tick" and step in self._open:
            self._ticks[step](event.pop("advance"), **event)
        elif kind == "close":
            self._open.pop(step).close()
        elif kind == "say":
            self._progress.say(event["line"])
        elif kind == "done":
            self.done += 1
        elif kind in ("error", "out of memory", "died"):
            self.failed = self.failed or {"event": kind, **event}


@contextlib.contextmanager
def _started(
    command: list[str], environment: dict[str, str], log: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the launcher; when left, it and all that it started have ended."""
    # A session of its own: Ctrl-C comes to us, and from us to them.
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a launcher and its workers, which are in sessions of their own."""
    import psutil

    started = []
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True)
    if process.stdin:
        process.stdin.close()  # the workers read it: at its end they leave
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
    _, stubborn = psutil.wait_procs(started, timeout=PATIENCE)
    for one in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.kill()
    process.wait()


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM unwind this process as Ctrl-C does, so that no worker outlives it."""

    def leave(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield  # signals come to the main thread only
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _write_config(path: Path, config: dict[str, Any]) -> None:
    import yaml

    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def _reason(failed: dict[str, Any] | None, order: Order, count: int) -> errors.BenchError:
    """Return why the processes failed, as one line."""
    if failed and failed["event"] == "error":
        kind = getattr(errors, failed["kind"], CandidateError)
        error: errors.BenchError = kind(failed["what"], where=failed["where"], hint=failed["hint"])
        return error
    launch = order.events.with_name("launch.log")
    killed = _killed(launch)
    if killed and (failed is None or killed[1] in KILLS):
        rank, number = killed
        what = f"process {rank} of {count} was killed by {signal.Signals(number).name}"
        log, last = order.log_of(rank), _last_lines(order.log_of(rank))
    elif failed:
        log, last = order.log_of(failed["rank"]), ""
        what = f"process {failed['rank']} of {count} failed: {' '.join(failed['text'].split())}"
    else:
        log, last = launch, _last_lines(launch)
        what = "the processes could not be started"
    if last:
        what += f"; its last lines: {last}"
    return CandidateError(what[:600], hint=f"all of it is in {log}; run again to go on")


def _killed(launch: Path) -> tuple[int, int] | None:
    """Return which process a signal ended, and which signal, by torchrun's own report."""
    text = launch.read_text(encoding="utf-8", errors="replace")
    ends = re.findall(r"rank\s*: (\d+) .*\n\s*exitcode\s*: -(\d+)", text)
    # By SIGTERM it ends those that had not failed.
    found = [(int(rank), int(number)) for rank, number in ends if int(number) != signal.SIGTERM]
    return found[0] if found else None


def _last_lines(log: Path, count: int = 3) -> str:
    """Return the last lines of a file in one line; "" where there is none."""
    if not log.is_file():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return " | ".join([line.strip() for line in lines if line.strip()][-count:])
