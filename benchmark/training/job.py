"""What a training needs to know: all of it, so that another process can do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.devices import Dtype
from benchmark.prompts import Template
from benchmark.records import Example
from benchmark.suite import TrainSpec


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
        estimate: Seconds it will probably take; None if nothing is known.
    """

    key: str
    model: str
    dtype: Dtype
    spec: TrainSpec
    template: Template
    train: Sequence[Example]
    validation: Sequence[Example]
    data_sha256: str
    estimate: float | None = None
