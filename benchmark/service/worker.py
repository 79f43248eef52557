"""The one who runs jobs: claims them, starts their processes, watches, stops, tells the end.

One thread. All it knows is in the database and in the jobs' folders; whatever it loses by being
killed, the next one finds there.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from benchmark.errors import BenchError
from benchmark.service import artefacts, child, queue
from benchmark.service.ending import End, outcome
from benchmark.service.machine import is_gone, own_name
from benchmark.service.queue import Held
from benchmark.service.state import Service
from benchmark.service.tail import News, news

LOG = logging.getLogger("bench.service")
EVERY = 0.25
"""Seconds between two looks."""
CLAIM = 1.0
"""Seconds between two looks for work, while there is none."""


@dataclass
class Watch:
    """One job that runs."""

    held: Held
    process: subprocess.Popen[bytes] | None
    read: dict[str, int]
    since: float
    renewed: float = 0.0
    state: str = "running"
    asked: float | None = None
    """When it was asked to stop."""
    killed: bool = False
    late: bool = False
    """Whether it ran for too long."""
    errors: tuple[str, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)


class Worker:
    """Runs jobs on some slots of this machine.

    Args:
        service: The server's state.
        node: This machine's name.
        slots: Slot -> variables of a job that has it.
    """

    def __init__(self, service: Service, node: str, slots: dict[str, dict[str, str]]) -> None:
        self.service, self.node, self.slots = service, node, slots
        self.owner = own_name(node)
        self.watched: dict[int, Watch] = {}
        self.secrets = child.secrets_of(os.environ)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="bench-worker", daemon=True)
        self._next_look = self._next_claim = 0.0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> int:
        """Stop watching; return how many jobs go on without us."""
        self._stop.set()
        self._thread.join(timeout=10)
        with suppress(SQLAlchemyError):
            queue.let_go(self.service.database, self.owner)
        return len(self.watched)

    @property
    def is_alive(self) -> bool:
        """Tell whether the thread runs."""
        return self._thread.is_alive()

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except SQLAlchemyError as error:
                LOG.warning("database: %s", str(getattr(error, "orig", error)).strip()[:300])
                self._stop.wait(2.0)
            except Exception:
                # A job that cannot be handled must not keep the others from being run.
                LOG.exception("the worker stumbled")
                self._stop.wait(2.0)
            self._stop.wait(EVERY)

    def look(self) -> None:
        """Look at everything once."""
        now = time.monotonic()
        if self.watched:
            states = queue.states(
                self.service.database, [one.held for one in self.watched.values()]
            )
            for number, watch in list(self.watched.items()):
                if number not in states:
                    LOG.warning("job %s is watched by another server now", watch.held.id)
                    del self.watched[number]
                    continue
                watch.state = states[number]
                self._look_at(watch)
        if now >= self._next_look:
            self._next_look = now + self.service.config.lease / 4
            self._take_over()
        if now >= self._next_claim and len(self.watched) < len(self.slots):
            if not self._claim():
                self._next_claim = now + CLAIM

    # --- one job ------------------------------------------------------------------------------

    def _look_at(self, watch: Watch) -> None:
        lives = self._lives(watch)
        found = self._news(watch, ended=not lives)
        if not lives:
            self._end(watch, found)
            return
        self._mind(watch)
        due = time.monotonic() - watch.renewed > self.service.config.lease / 4
        if found.events or due:
            values: dict[str, Any] = {"read": found.read}
            if found.progress is not None:
                values["progress"] = found.progress
            if found.metrics:
                watch.metrics |= found.metrics
                values["metrics"] = watch.metrics
            lease = self.service.config.lease
            if queue.report(self.service.database, watch.held, found.events, lease=lease, **values):
                watch.renewed = time.monotonic()
                watch.read = found.read
            else:
                self.watched.pop(watch.held.number, None)

    def _lives(self, watch: Watch) -> bool:
        folder = self.service.folder(watch.held.id)
        if watch.process is not None:
            if watch.process.poll() is None:
                return True
            if watch.process.returncode == child.BUSY:
                watch.process = None  # one that another server started has it
        return watch.process is None and child.is_held(folder)

    def _news(self, watch: Watch, *, ended: bool) -> News:
        folder = self.service.folder(watch.held.id)
        found = news(folder, watch.read, self.secrets, ended=ended)
        watch.errors = (*watch.errors, *found.errors)[-20:]
        return found

    def _mind(self, watch: Watch) -> None:
        """Stop a job that shall be stopped: politely first, then not."""
        config, now = self.service.config, time.monotonic()
        if time.time() - watch.since > config.max_seconds:
            watch.late = True
        if watch.state != "cancelling" and not watch.late:
            return
        folder, job = self.service.folder(watch.held.id), watch.held.id
        if watch.asked is None:
            watch.asked = now
            child.interrupt(folder, job)
        elif now - watch.asked > config.grace:
            watch.killed = True
            child.signal_all(folder, job, signal.SIGKILL)

    def _end(self, watch: Watch, found: News) -> None:
        held, folder = watch.held, self.service.folder(watch.held.id)
        child.signal_all(folder, held.id, signal.SIGKILL)  # what it may have left behind
        code = child.end_of(folder, held.round)
        end = End(
            code=code,
            died=None if watch.process is None else watch.process.returncode,
            cancelled=watch.state == "cancelling",
            late=watch.late,
            errors=watch.errors,
            results=artefacts.results_of(folder) if code is not None else None,
        )
        values = outcome(end, held.row["deaths"], self.service.config.max_attempts)
        if found.metrics and "metrics" not in values:
            values["metrics"] = watch.metrics | found.metrics
        if found.progress is not None and "progress" not in values:
            values["progress"] = found.progress
        queue.finish(self.service.database, held, found.events, read=found.read, **values)
        self.watched.pop(held.number, None)
        self._next_claim = 0.0

    # --- jobs of others -----------------------------------------------------------------------

    def _take_over(self) -> None:
        """Take the jobs of servers that are gone; their processes may well be alive."""
        database = self.service.database
        dead = [name for name in queue.owners(database, self.node) if self._is_dead(name)]
        for row in queue.abandoned(database, node=self.node, dead=dead):
            folder = self.service.folder(row["id"])
            if row["number"] in self.watched:
                continue
            if row["node"] != self.node and child.is_held(folder):
                continue  # it runs on another machine, which shares the folder with us
            held = queue.take_over(
                database, row, owner=self.owner, node=self.node, lease=self.service.config.lease
            )
            if held is not None:
                LOG.info("job %s taken over from %s", held.id, row["owner"])
                self._watch(held, None)

    def _is_dead(self, owner: str) -> bool:
        return owner != self.owner and is_gone(owner, self.node)

    # --- jobs that wait -----------------------------------------------------------------------

    def _claim(self) -> bool:
        service = self.service
        held = queue.claim(
            service.database,
            owner=self.owner,
            node=self.node,
            slots=list(self.slots),
            lease=service.config.lease,
        )
        if held is None:
            return False
        folder = service.folder(held.id)
        child.signal_all(folder, held.id, signal.SIGKILL)
        try:
            child.prepare(folder, held.row["text"])
            self._bring(held)
            more = {**self.slots[held.slot], "BENCH_REPORTS": str(folder / "reports"),
                    "COLUMNS": "100", "NO_COLOR": "1"}  # fmt: skip
            allowed = service.config.environment
            variables = child.environment(os.environ, allowed=allowed, job=held.id, more=more)
            for name in (child.EVENTS, child.OUTPUT):
                (folder / name).unlink(missing_ok=True)
            process = child.start(folder, fence=held.fence, again=held.round, variables=variables)
        except (BenchError, OSError) as error:
            told = {"what": f"the job could not be started: {error}", "where": "", "hint": ""}
            queue.finish(service.database, held, [], state="failed", error=told)
            return True
        self._watch(held, process)
        return True

    def _watch(self, held: Held, process: subprocess.Popen[bytes] | None) -> None:
        read = dict(held.row["read"] or {})
        since = time.time() if process else child.started(self.service.folder(held.id))
        watch = Watch(held, process, read, since, state=held.state)
        # Of the process that runs: an earlier one's numbers are of no use to it.
        watch.metrics = dict(held.row["metrics"] or {}) if process is None else {}
        self.watched[held.number] = watch

    def _bring(self, held: Held) -> None:
        """Lay beside the suite what belongs to it: calibration, accepted baseline."""
        folder, name = self.service.folder(held.id), f"{held.row['suite']}.json"
        for place in self.service.allowed.folders:
            for source, target in (
                (place / "calibration" / name, folder / "calibration" / name),
                (place.parent / "reports" / "baselines" / name,
                 folder / "reports" / "baselines" / name),
            ):  # fmt: skip
                if source.is_file():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source, target)
