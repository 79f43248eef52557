"""What stages hand to each other in memory. What crosses the disk is in `records`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.records import Example, Generation, TrainingManifest
from benchmark.results import DatasetSummary


@dataclass(frozen=True, slots=True)
class Data:
    """The three sides of the data set, and what is known of them."""

    train: Sequence[Example]
    validation: Sequence[Example]
    test: Sequence[Example]
    summary: DatasetSummary


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter on this disk."""

    path: Path
    sha256: str
    manifest: TrainingManifest | None
    """None for one that somebody else trained without us."""
    computed: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """One candidate's generations, in the order of the test side."""

    generations: Sequence[Generation]
    fingerprint: str
    """Hash of the weights that answered, adapter included."""
    computed: bool
    error: str | None = None
    """Why there are none."""
