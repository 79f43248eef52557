"""What a worker of a cluster does: load weights once, keep them, answer batches as it is told.

Nothing here knows Ray but by the references that parcels may hold.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from benchmark.errors import BenchError, Problem
from benchmark.executors import parcels
from benchmark.executors.facts import facts
from benchmark.executors.work import replies
from benchmark.files import cache_root
from benchmark.models import local_model
from benchmark.plugins import Backend, Request, Scorer
from benchmark.progress import Silent
from benchmark.suite import Decoding


@dataclass(frozen=True)
class Setup:
    """What makes a worker compute as the process that sent it would."""

    threads: int
    device_bytes: float
    """Memory that batches are planned for: the plan is the same on every machine."""
    store: str
    libraries: dict[str, str] = field(default_factory=dict)
    """Environment variables that keep libraries quiet."""


@dataclass(frozen=True)
class Item:
    """A folder by its content."""

    digest: str
    path: Path
    """Where it is on the machine that asks; may be the same here."""
    reference: str = ""
    """Of a base model."""


@dataclass(frozen=True)
class Load:
    """A backend and what it needs on the disk."""

    backend: Backend
    base: Item | None
    weights: str
    """Name of what is in memory when the backend is open: the same, and it stays there."""
    adapter: Item | None = None
    job: str = ""
    """Name of one candidate's answers; what they took is counted by it."""
    parcels: dict[str, parcels.Parcel] = field(default_factory=dict)


class Said(NamedTuple):
    """What came of a call: a value, a folder that is missing here, or an error for a person."""

    value: Any = None
    missing: Item | None = None
    kind: str = ""
    """Name of an error class of `benchmark.errors`."""
    problem: Problem | None = None


class Answered(NamedTuple):
    """The replies to one batch, and what was measured since the adapter was put on."""

    replies: list[Any]
    ticked: float
    sitting: str
    effort: Any


class Missing(Exception):
    """A folder is not on this machine."""

    def __init__(self, item: Item) -> None:
        super().__init__(item.digest)
        self.item = item


class Worker:
    """One process with one device and at most one model in memory."""

    def __init__(self, setup: Setup) -> None:
        prepare(setup)
        self._weights = ""
        self._worn: tuple[Item | None, str] | None = None
        self._opened, self._dressed = ExitStack(), ExitStack()
        self._model: Any = None
        self._sitting = ""

    def ready(self) -> dict[str, str]:
        """Return what must be the same on all machines."""
        return facts()

    def is_scorer(self, load: Load) -> Said:
        """Load the weights; tell whether the model knows probabilities."""
        return said(lambda: isinstance(self._open(load), Scorer))

    def batches(self, load: Load, requests: Sequence[Request], decoding: Decoding) -> Said:
        """Return the batches in which requests are answered."""
        return said(lambda: self._wearing(load).batches(requests, decoding))

    def answer(self, load: Load, requests: Sequence[Request], decoding: Decoding) -> Said:
        """Answer one batch."""

        def do() -> Answered:
            model, ticked = self._wearing(load), 0.0

            def tick(advance: float = 1, *, note: str = "", total: float | None = None) -> None:
                nonlocal ticked
                ticked += advance

            made = replies(model, requests, decoding, tick)
            effort = getattr(model, "effort", lambda: None)()
            return Answered(made, ticked, self._sitting, effort)

        return said(do)

    def loglikelihood(
        self,
        load: Load,
        requests: Sequence[Request],
        answers: Sequence[str],
        max_tokens: int | None,
    ) -> Said:
        """Return the log-probability of each token of each answer."""
        return said(lambda: self._wearing(load).loglikelihood(requests, answers, max_tokens))

    def _open(self, load: Load) -> Any:
        if self._model is None or self._weights != load.weights:
            self._close()
            self._model = self._opened.enter_context(based(load).open(Silent()))
            self._weights = load.weights
        return self._model

    def _wearing(self, load: Load) -> Any:
        """Return the model with the adapter on; it stays on for the next batch of the job."""
        model = self._open(load)
        if self._worn != (load.adapter, load.job):
            self._worn = None
            self._dressed.close()
            path = found(load.adapter, load.parcels) if load.adapter else None
            self._dressed.enter_context(model.adapted(path))
            self._worn, self._sitting = (load.adapter, load.job), uuid4().hex
        return model

    def _close(self) -> None:
        import gc

        self._worn = self._model = None
        self._weights = ""
        self._dressed.close()
        self._opened.close()
        gc.collect()


def prepare(setup: Setup) -> None:
    """Let libraries be quiet, and compute with as many threads as the one that asks."""
    from benchmark.executors.facts import quiet

    for name, value in setup.libraries.items():
        os.environ.setdefault(name, value)
    os.environ["OMP_NUM_THREADS"] = str(setup.threads)
    os.environ["BENCH_DEVICE_BYTES"] = str(setup.device_bytes)
    quiet()
    import torch

    torch.set_num_threads(setup.threads)


def said(do: Any) -> Said:
    """Do something; errors that a person can read travel as data, for they do not pickle well."""
    try:
        return Said(do())
    except Missing as error:
        return Said(missing=error.item)
    except BenchError as error:
        return Said(kind=type(error).__name__, problem=error.problems[0])


def based(load: Load) -> Backend:
    """Return the backend, its `model` turned to where that is on this machine."""
    backend: Any = load.backend
    if load.base is None or _has(load.base):
        return load.backend
    path = found(load.base, load.parcels)
    moved: Backend = backend.model_copy(update={"model": str(path)})
    return moved


def _has(base: Item) -> bool:
    """Tell whether this machine has a base model under the same name, or can get it."""
    before = os.environ.get("BENCH_OFFLINE")
    os.environ["BENCH_OFFLINE"] = "1"  # the one that asks has it: nothing is downloaded twice
    try:
        return local_model(base.reference).sha256 == base.digest
    except BenchError:
        return False
    finally:
        if before is None:
            del os.environ["BENCH_OFFLINE"]
        else:
            os.environ["BENCH_OFFLINE"] = before


def found(item: Item, sent: dict[str, parcels.Parcel]) -> Path:
    """Return where a folder is on this machine, unpacked now if need be. Raises Missing."""
    from filelock import FileLock

    from benchmark.training import weights

    if not item.reference and item.path.is_dir():
        try:
            if weights.sha256_of(item.path) == item.digest:
                return item.path  # the same machine, or the same shared folder
        except BenchError:
            pass  # something else of that name
    folder = cache_root() / "parcels" / item.digest
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if folder.is_dir():
            return folder
        if item.digest not in sent:
            raise Missing(item)
        parcel = sent[item.digest]
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as part:
            whole = Path(part) / "whole"
            whole.mkdir()
            parcels.unpack(opened(parcel), whole)
            whole.rename(folder)
    return folder


def opened(parcel: parcels.Parcel) -> parcels.Parcel:
    """Return a parcel with its bytes where it holds Ray's reference to them."""
    if parcel.url or isinstance(parcel.content, bytes):
        return parcel
    import ray

    return parcel._replace(content=ray.get(parcel.content))


def train(setup: Setup, job: Any, base: Item, sent: dict[str, parcels.Parcel], board: Any) -> Said:
    """Train one adapter; return its parcel and its manifest, as JSON."""
    prepare(setup)

    def do() -> tuple[parcels.Parcel, str]:
        from benchmark.training import launch, run
        from benchmark.training.worker import Reported

        model = job.model if _has(base) else str(found(base, sent))
        start = launch.train if job.spec.parallel else run.train
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            work = cache_root() / "training" / job.key
            made = start(replace(job, model=model), Path(scratch), work, Reported(board))
            packed = parcels.pack(Path(scratch), setup.store, made.adapter_sha256)
        return packed, made.model_dump_json()

    board.send(event="begin", node=facts()["node"])
    return said(do)
