"""What stages hand to each other in memory. What crosses the disk is in `records`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.keys import sha256_of_rows
from benchmark.manifests import TrainingManifest
from benchmark.records import Effort, Example, Found, Generation
from benchmark.results import DatasetSummary, RetrievalSummary
from benchmark.samples import first


@dataclass(frozen=True, slots=True)
class Sides:
    """The data set as one candidate is asked it."""

    train: Sequence[Example]
    validation: Sequence[Example]
    test: Sequence[Example]
    train_sha256: str
    """Of train and validation rows."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What one candidate's retrieval made."""

    sides: Sides
    """With passages in their prompts."""
    found: Sequence[Found]
    """In the order of the test side."""
    summary: RetrievalSummary


@dataclass(frozen=True, slots=True)
class Data:
    """The three sides of the data set, and what is known of them."""

    train: Sequence[Example]
    validation: Sequence[Example]
    test: Sequence[Example]
    summary: DatasetSummary
    retrieved: Mapping[str, Retrieved] = field(default_factory=dict)
    """By candidate; only those that retrieve."""

    def sides(self, candidate: str) -> Sides:
        """Return the rows as one candidate learns and is asked them."""
        if candidate in self.retrieved:
            return self.retrieved[candidate].sides
        return Sides(self.train, self.validation, self.test, self.summary.train_sha256)


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
    """One candidate's generations, by sample, and for each in the order of the test side."""

    generations: Sequence[Generation]
    fingerprint: str
    """Hash of the weights that answered, adapter included."""
    computed: bool
    error: str | None = None
    """Why there are none."""
    effort: Effort | None = None
    """None where nothing was measured: controls, servers."""

    @property
    def first(self) -> Sequence[Generation]:
        """Return the first answer to each example, in the order of the test side."""
        return first(self.generations)


def examples_sha256(examples: Iterable[Example]) -> str:
    """Return the hash of what training and scoring see of examples: ids, prompts, answers."""
    seen = {"id", "prompt", "references", "rejected", "group"}
    # Without `rejected` where there is none: the hashes of other data stay what they were.
    return sha256_of_rows(
        example.model_dump_json(include=seen, exclude_none=True) for example in examples
    )
