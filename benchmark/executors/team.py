"""Workers as Ray actors: hired when there is work, kept for what they have loaded, replaced."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from typing import Any, Literal

from benchmark import errors
from benchmark.errors import BenchError, CandidateError
from benchmark.executors import parcels
from benchmark.executors.facts import NODE, facts, skew
from benchmark.executors.staff import Hired, Task
from benchmark.executors.worker import Item, Load, Said, Setup, Worker
from benchmark.progress import Progress

TRIES = 4
"""How many workers may die over one piece of work before it is given up."""

TURN = 0.2
"""Seconds after which new work is looked for, at the latest."""


PATIENCE = 60.0
"""Seconds without any worker after which the terminal says so."""


class Team:
    """All workers of a run; a thread of its own hands out the work."""

    def __init__(
        self,
        setup: Setup,
        needs: dict[str, float],
        most: int | Literal["auto"],
        progress: Progress,
    ) -> None:
        self.setup, self.needs, self.most, self.progress = setup, needs, most, progress
        self.reruns = 0
        self._new = queue.SimpleQueue[Task | None]()
        self._todo: deque[Task] = deque()
        self._staff: dict[Any, Hired] = {}
        """By the reference that is waited for."""
        self._idle: list[Hired] = []
        self._sent: dict[str, parcels.Parcel] = {}
        self._lock = threading.Lock()
        self._failed: Exception | None = None
        self._since = 0.0
        """When (monotonic seconds) workers were last hired; infinity: it was told."""
        self._deaths = 0
        """Of workers, in a row, before any of them was ready."""
        self._thread: threading.Thread | None = None
        self._ended = False

    def ask(self, method: str, load: Load, *arguments: Any) -> Any:
        """Return what a worker says. Raises what it raised."""
        return self.submit(method, load, *arguments).result()

    def submit(self, method: str, load: Load, *arguments: Any) -> Future[Any]:
        """Ask, and go on."""
        task = Task(method, load, arguments)
        with self._lock:
            if self._failed or self._ended:
                task.future.set_exception(self._failed or CancelledError())
                return task.future
            self._new.put(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        return task.future

    def stop(self) -> None:
        """End all workers; what was asked is cancelled."""
        with self._lock:
            self._ended = True
        self.rest()

    def rest(self) -> None:
        """End all workers; the next work hires new ones. Nobody may be waiting for an answer."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._new.put(None)
            thread.join()

    def parcel(self, item: Item) -> parcels.Parcel:
        """Pack a folder for those who lack it, once."""
        import ray

        with self._lock:
            if item.digest not in self._sent:
                packed = parcels.pack(item.path, self.setup.store, item.digest)
                if not packed.url:
                    packed = parcels.Parcel(content=ray.put(packed.content))
                self._sent[item.digest] = packed
            return self._sent[item.digest]

    def check_room(self, needs: dict[str, float], what: str) -> None:
        """Refuse what no node will ever hold. Raises CandidateError."""
        import ray

        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if any(_room(node, needs) for node in nodes):
            return
        wants = f"{needs['num_cpus']:g} cores and {needs['num_gpus']:g} GPUs"
        most = [max(node.get(kind, 0) for node in nodes) for kind in ("CPU", "GPU")]
        raise CandidateError(
            f"{what} needs {wants} on one node; the largest has {most[0]:g} and {most[1]:g}",
            hint="lower executor.cpus or train.parallel.processes, or add a larger node",
        )

    def _run(self) -> None:
        """Hand out work until told to rest."""
        try:
            self.check_room(self.needs, "a worker")
            while self._collect():
                self._hire()
                self._hand_out()
                self._hear()
        except Exception as error:
            self._failed = error
        finally:
            self._dismiss()

    def _collect(self) -> bool:
        """Take in new work; wait for it where there is nothing else to do."""
        block = not self._todo and not any(one.task for one in self._staff.values())
        while True:
            try:
                task = self._new.get(block=block)
            except queue.Empty:
                return True
            if task is None:
                return False
            self._todo.append(task)
            block = False

    def _hire(self) -> None:
        """Have as many workers as there is work and room for."""
        import ray

        staff = len(self._staff) + len(self._idle)
        busy = sum(one.task is not None for one in self._staff.values())
        wanted = min(self._limit(), busy + len(self._todo))
        for _ in range(wanted - staff):
            remote: Any = ray.remote(Worker).options(**self.needs)
            one = Hired(remote.remote(self.setup))
            self._staff[one.actor.ready.remote()] = one
            self._since = self._since or time.monotonic()

    def _limit(self) -> int:
        import ray

        if self.most != "auto":
            return self.most
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return max(1, sum(_room(node, self.needs) for node in nodes))

    def _hand_out(self) -> None:
        """Give each idle worker what it has loaded already, or else the first that waits."""
        while self._todo and self._idle:
            one = self._idle.pop()
            task = min(self._todo, key=lambda task: _distance(one.load, task.load))
            self._todo.remove(task)
            if not task.begun and not task.future.set_running_or_notify_cancel():
                self._idle.append(one)  # whoever asked has gone
                continue
            task.begun = True
            load = replace(task.load, parcels=dict(self._sent))
            one.task, one.load = task, task.load
            call = getattr(one.actor, task.method)
            self._staff[call.remote(load, *task.arguments)] = one

    def _hear(self) -> None:
        """Take in what workers say, and who of them died."""
        import ray
        from ray.exceptions import RayActorError, RayError, RayTaskError

        if not self._staff:
            return
        done, _ = ray.wait(list(self._staff), timeout=TURN)
        if self._since and time.monotonic() - self._since > PATIENCE:
            self.progress.say("waiting for a worker: is the cluster busy? see `ray status`")
            self._since = float("inf")
        for ref in done:
            one = self._staff.pop(ref)
            try:
                said = ray.get(ref)
            except RayTaskError as error:
                self._fell(one, error)
            except (RayActorError, RayError):
                self._died(one)
            else:
                self._said(one, said)

    def _said(self, one: Hired, said: Any) -> None:
        task, one.task = one.task, None
        self._idle.append(one)
        if task is None:  # it has come to work
            self._deaths, self._since = 0, float("inf")
            one.node = said[NODE]
            if line := skew(facts(), said):
                raise BenchError(line, hint="install the same on every node")
        elif said.missing is not None:
            self.parcel(said.missing)
            self._todo.appendleft(task)
        else:
            try:
                task.future.set_result(raised(said))
            except BenchError as error:
                task.future.set_exception(error)

    def _fell(self, one: Hired, error: Exception) -> None:
        """A bug, or a library's own error, that no worker will do better."""
        if one.task is None:
            raise error  # it could not even begin
        task, one.task = one.task, None
        self._idle.append(one)
        task.future.set_exception(error)

    def _died(self, one: Hired) -> None:
        task = one.task
        if task is None:
            self._deaths += 1
            if self._deaths >= TRIES:
                raise BenchError(
                    f"{self._deaths} workers died before they could begin",
                    hint="see `ray status` and Ray's logs on the nodes; is there memory enough?",
                )
            return
        task.deaths += 1
        if task.deaths >= TRIES:
            what = f"one batch ended {task.deaths} workers"
            hint = "lower generation.batch_size, or give workers more memory"
            task.future.set_exception(CandidateError(what, hint=hint))
            return
        self.reruns += 1
        self.progress.say(f"a worker on {one.node} died: its batch is made again")
        self._todo.appendleft(task)

    def _dismiss(self) -> None:
        """End every worker, and cancel what nobody will do."""
        import ray

        staff = [*self._staff.values(), *self._idle]
        for one in staff:
            ray.kill(one.actor, no_restart=True)
        tasks = [*self._todo, *(one.task for one in self._staff.values() if one.task)]
        while not self._new.empty():
            if (task := self._new.get()) is not None:
                tasks.append(task)
        for task in tasks:
            if task.begun or task.future.set_running_or_notify_cancel():
                task.future.set_exception(self._failed or CancelledError())
        self._todo.clear()
        self._staff.clear()
        self._idle.clear()


def raised(said: Said) -> Any:
    """Return what was said, or raise the error that it tells of."""
    if said.problem is None:
        return said.value
    kind = getattr(errors, said.kind, CandidateError)
    raise kind(said.problem.what, where=said.problem.where, hint=said.problem.hint)


def _distance(has: Load | None, wants: Load) -> int:
    """Return how much a worker has to load: nothing, an adapter, or everything."""
    if has is None:
        return 2
    if has.weights != wants.weights:
        return 3
    return 0 if has.job == wants.job else 1


def _room(node: dict[str, float], needs: dict[str, float]) -> int:
    """Return how many workers a node holds."""
    shares = [
        node.get(kind, 0.0) // needs[name]
        for kind, name in (("CPU", "num_cpus"), ("GPU", "num_gpus"))
        if needs[name]
    ]
    return int(min(shares))
