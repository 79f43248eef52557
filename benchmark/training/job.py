"""What a training needs to know: all of it, so that another process can do it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from benchmark.devices import Dtype
from benchmark.prompts import Template
from benchmark.records import Example
from benchmark.suite import TrainSpec

if TYPE_CHECKING:
    from benchmark.training.data import Rows


def processes() -> int:
    """Return how many processes train together; more than one where a launcher says so."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@dataclass(frozen=True, slots=True)
class Job:
    """One adapter to train.

    Attributes:
        key: Content key of the adapter; goes into its manifest.
        model: Package reference of the base model.
        dtype: Number format of the base; the adapter itself is trained in float32.
        spec: Method and hyper-parameters, seed included.
        template: The candidate's prompt template, the same that evaluation uses.
        train: Rows to learn from.
        validation: Rows to watch; may be empty.
        data_sha256: Hash of the training rows.
        name: The candidate's, for trackers.
        estimate: Seconds it will probably take; None if nothing is known.
        room: Most tokens that go through the model at once, where more were too many for one of
            several processes, which then all began again; None: as many as the memory tells.
        out_of_memory: How often that has happened.
    """

    key: str
    model: str
    dtype: Dtype
    spec: TrainSpec
    template: Template
    train: Sequence[Example]
    validation: Sequence[Example]
    data_sha256: str
    name: str = ""
    estimate: float | None = None
    room: int | None = None
    out_of_memory: int = 0

    @property
    def is_dpo(self) -> bool:
        """Tell whether it learns by preference."""
        return self.spec.objective == "dpo"

    @property
    def is_sharded(self) -> bool:
        """Tell whether the weights are spread over the processes, a part in each."""
        return self.spec.parallel is not None and self.spec.parallel.strategy != "ddp"

    @property
    def is_uniform(self) -> bool:
        """Tell whether every pass takes as many rows: DeepSpeed counts the passes itself."""
        return self.spec.parallel is not None and self.spec.parallel.strategy == "zero3"

    @property
    def step_rows(self) -> int:
        """Return how many rows make one optimizer step."""
        return self.spec.batch_size * self.spec.accumulation

    def steps(self, rows: int) -> int:
        """Return how many optimizer steps so many rows make, over all epochs."""
        return max(1, math.ceil(math.ceil(rows / self.step_rows) * self.spec.epochs))

    def for_rows(self, rows: Rows) -> Job:
        """Return the job with `batch_tokens` turned into a number of rows."""
        if self.spec.batch_tokens is None:
            return self
        mean = rows.tokens / max(1, len(rows.rows))
        count = min(len(rows.rows), max(1, round(self.spec.batch_tokens / mean)))
        count = max(1, count // processes()) * processes()  # each process gets as many
        changes = {"batch_size": count, "accumulation": 1, "batch_tokens": None}
        return replace(self, spec=self.spec.model_copy(update=changes))


class Order(BaseModel):
    """What a process of several is told to do: a file in the training's work folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: Job
    folder: Path
    """Where the finished adapter goes."""
    work: Path
    """Where checkpoints go."""
    events: Path
    """A file that takes what happens, as lines of JSON."""

    def log_of(self, rank: int) -> Path:
        """Return the file for what a process prints."""
        return self.events.with_name(f"process-{rank}.log")

    @classmethod
    def read(cls, path: Path) -> Order:
        """Read one back."""
        return cls.model_validate_json(path.read_bytes())
