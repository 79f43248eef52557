"""The driver's side of a Ray cluster: who does what, and what becomes of those who die."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from benchmark.checkout import commit_here
from benchmark.errors import CandidateError
from benchmark.executors.board import Board
from benchmark.executors.far import Far, FarScorer
from benchmark.executors.shared import Shared
from benchmark.executors.team import Team, raised
from benchmark.executors.worker import Item, Load, Setup, train
from benchmark.plugins import Backend, Model, trainable
from benchmark.progress import Progress

if TYPE_CHECKING:
    from benchmark.executors.ray import Ray
    from benchmark.manifests import TrainingManifest
    from benchmark.training.job import Job

R = TypeVar("R")

QUIET = (
    "TRANSFORMERS_VERBOSITY", "TOKENIZERS_PARALLELISM", "TQDM_DISABLE", "DATASETS_VERBOSITY",
    "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS",
)  # fmt: skip
"""Settings that keep libraries quiet; nothing else of the environment is sent anywhere."""
RETRIES = 3
"""How often Ray begins a training again whose node died."""


class RayCrew:
    """The workers of one run.

    Attributes:
        reruns: Batches and trainings that were done again because a worker died.
    """

    def __init__(self, settings: Ray, progress: Progress) -> None:
        self.settings = settings
        self.progress: Progress = Shared(progress)
        self.setup, self.needs = _setup(settings)
        self.team = Team(self.setup, self.needs, settings.workers, self.progress)
        self._stopped = threading.Event()
        self._count = threading.Lock()
        self._again = 0

    @property
    def reruns(self) -> int:
        """Return how much was done again."""
        return self._again + self.team.reruns

    def __enter__(self) -> RayCrew:
        """Tell what there is to work with."""
        self._say_what_there_is()
        return self

    def __exit__(self, *error: object) -> None:
        """Let nothing of this run go on."""
        self._stopped.set()
        self.team.stop()
        if self.reruns:
            self.progress.say(f"{self.reruns} pieces of work were done again: workers had died")

    def open(self, backend: Backend, progress: Progress) -> AbstractContextManager[Model]:
        """Give a model whose batches go to workers; servers and controls are asked from here.

        A server counts calls, and one process alone can keep to its limits.
        """
        if not getattr(backend, "spread", trainable(backend)):
            return backend.open(progress)
        return self._far(backend)

    @contextmanager
    def _far(self, backend: Backend) -> Iterator[Model]:
        fixed: Any = same_format(backend)
        load = Load(fixed, base_of(backend), getattr(fixed, "key", uuid4().hex))
        is_scorer = self.team.ask("is_scorer", load)
        yield (FarScorer if is_scorer else Far)(self.team, load)

    def side_by_side(self, calls: Sequence[Callable[[], R]]) -> list[R]:
        """Let each call wait for its own workers, in a thread of its own."""
        if len(calls) < 2:
            return [call() for call in calls]
        with ThreadPoolExecutor(len(calls)) as pool:
            waiting = [pool.submit(call) for call in calls]
            try:
                done, _ = wait(waiting, return_when=FIRST_EXCEPTION)
                for one in done:
                    one.result()
                return [one.result() for one in waiting]
            except BaseException:
                # Ctrl-C, or an error that ends the run: nobody needs the rest.
                self._stopped.set()
                self.team.stop()
                raise

    def train(self, job: Job, folder: Path, work: Path, progress: Progress) -> TrainingManifest:
        """Train one adapter somewhere; Ray begins again where a node dies."""
        from dataclasses import replace

        from benchmark.devices import placement
        from benchmark.executors import parcels
        from benchmark.manifests import TrainingManifest
        from benchmark.models import local_model
        from benchmark.training import manifest

        local = local_model(job.model, progress)
        base = Item(local.sha256, local.path, job.model)
        dtype: Any = placement(job.dtype, training=True).dtype
        fixed = replace(job, dtype=dtype)
        self.team.rest()  # idle workers hold GPUs that this may need
        parcel, text = self._train(fixed, base)
        parcels.unpack(parcel, folder)
        made = TrainingManifest.model_validate_json(text)
        # The base may have been sent there under another name, and the checkout is here.
        commit, dirty = commit_here()
        known = {"base": job.model, "base_sha256": local.sha256, "commit": commit, "dirty": dirty}
        made = made.model_copy(update=known)
        manifest.write(folder, made)
        return made

    def _train(self, job: Job, base: Item) -> Any:
        import ray

        count = 1
        if job.spec.parallel:
            from benchmark.devices import placement
            from benchmark.training.parallel import processes_of

            count = processes_of(job.spec.parallel, placement(job.dtype, training=True))
        needs = {name: share * count for name, share in self.needs.items()}
        self.team.check_room(needs, f"training {job.name or job.spec.method}")
        remote: Any = ray.remote(train).options(**needs, max_retries=RETRIES)
        sent: dict[str, Any] = {}
        while True:
            with Board(self.progress) as board:
                ref = remote.remote(self.setup, job, base, sent, board.sender)
                said = self._wait(ref, board)
            with self._count:
                self._again += max(0, board.begun - 1)
            if said.missing is None:
                return raised(said)
            sent = {base.digest: self.team.parcel(said.missing)}

    def _wait(self, ref: Any, board: Any) -> Any:
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            while not ray.wait([ref], timeout=0.3)[0]:
                board.pump()
                if self._stopped.is_set():
                    ray.cancel(ref, force=True)
                    raise CandidateError("stopped")
            board.pump()
            return ray.get(ref)
        except RayTaskError:
            raise
        except RayError as error:
            what = f"its training ended {RETRIES + 1} workers: {type(error).__name__}"
            raise CandidateError(what, hint="see `ray status`; is there memory enough?") from error

    def rest(self) -> None:
        """Send all workers home."""
        self.team.rest()

    def _say_what_there_is(self) -> None:
        import ray

        resources = ray.cluster_resources()
        gpus, cpus = resources.get("GPU", 0), resources.get("CPU", 0)
        nodes = sum(node["Alive"] for node in ray.nodes())
        self.progress.say(f"Ray cluster: {nodes} nodes, {cpus:g} cores, {gpus:g} GPUs")
        if gpus and not self.needs.get("num_gpus"):
            self.progress.say(
                "the cluster's GPUs are not used, for this process has none and results would "
                "differ: start bench on a node with a GPU"
            )


def _setup(settings: Ray) -> tuple[Setup, dict[str, float]]:
    """Return how workers compute, and what each of them needs."""
    from benchmark.backends.room import device_bytes
    from benchmark.devices import placement, processor

    device = placement("float32").device
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if settings.cpus != "auto":
        threads = settings.cpus
    elif asked.isdigit() and int(asked):
        threads = int(asked)
    else:  # beside a GPU, a core or two cut texts
        threads = processor().threads if device == "cpu" else 2
    cores = 1 if device != "cpu" and settings.cpus == "auto" else threads
    libraries = {name: os.environ[name] for name in QUIET if name in os.environ}
    setup = Setup(threads, device_bytes(device), settings.store, libraries)
    return setup, {"num_cpus": cores, "num_gpus": 1 if device == "cuda" else 0}


def same_format(backend: Any) -> Backend:
    """Return a backend with its number format named: on other machines `auto` may be another."""
    from benchmark.devices import placement

    found: Backend = backend
    if getattr(backend, "dtype", None) == "auto" and trainable(backend):
        found = backend.model_copy(update={"dtype": placement("auto").dtype})
    return found


def base_of(backend: Any) -> Item | None:
    """Return a backend's weights, to be found or sent where they are needed."""
    from benchmark.models import local_model

    if not trainable(backend):
        return None  # it has none, or brings them by itself
    local = local_model(backend.model)
    return Item(local.sha256, local.path, backend.model)
