"""Plan -> data: the data set loaded, put on sides by group, hashed."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.core.plan import Plan
from benchmark.core.split import split
from benchmark.core.state import Data
from benchmark.keys import sha256_of_rows
from benchmark.progress import Progress
from benchmark.records import DatasetSummary, Example


def load_data(plan: Plan, progress: Progress) -> Data:
    """Load and split.

    Raises:
        FetchError: The data set cannot be fetched.
        DataError: It is broken, too small for `split:`, or leaves no test example.
    """
    suite = plan.suite
    with progress.step(f"load {suite.dataset.use}"):
        loaded = plan.dataset.load(progress)
        seed = suite.seed if suite.split.seed is None else suite.split.seed
        sides = split(loaded.examples, suite.split, seed, suite.limit)
    summary = DatasetSummary(
        name=suite.dataset.use,
        signature=plan.dataset.signature,
        sources=loaded.sources,
        kept=len(loaded.examples),
        dropped=loaded.dropped,
        train=len(sides.train),
        validation=len(sides.validation),
        test=len(sides.test),
        train_sha256=examples_sha256([*sides.train, *sides.validation]),
        test_sha256=examples_sha256(sides.test),
    )
    return Data(sides.train, sides.validation, sides.test, summary)


def examples_sha256(examples: Sequence[Example]) -> str:
    """Return the hash of what training and scoring see of examples: ids, prompts, references."""
    return sha256_of_rows(
        example.model_dump_json(include={"id", "prompt", "references", "group"})
        for example in examples
    )
