"""All work in this process, one thing after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmark.plugins import Backend, Model, Plugin
from benchmark.progress import Progress

if TYPE_CHECKING:
    from benchmark.manifests import TrainingManifest
    from benchmark.training.job import Job

R = TypeVar("R")


class Local(Plugin):
    """All work in this process, on its one device."""

    @contextmanager
    def crew(self, progress: Progress) -> Iterator[Here]:
        """Give this process."""
        yield Here(progress)


class Here:
    """This process."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def open(self, backend: Backend, progress: Progress) -> AbstractContextManager[Model]:
        """Load the weights here."""
        return backend.open(progress)

    def side_by_side(self, calls: Sequence[Callable[[], R]]) -> list[R]:
        """Do one after another."""
        return [call() for call in calls]

    def train(self, job: Job, folder: Path, work: Path, progress: Progress) -> TrainingManifest:
        """Train here, or in processes that are started from here."""
        from benchmark.training import launch, run

        train = launch.train if job.spec.parallel else run.train
        return train(job, folder, work, progress)

    def rest(self) -> None:
        """Do nothing: weights are gone when their `with` ends."""
