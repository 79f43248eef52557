"""Where a run happened: versions, device, commit."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from benchmark.checkout import commit_here
from benchmark.devices import placement
from benchmark.results import Environment

LIBRARIES = (
    "benchmark", "accelerate", "bert-score", "bm25s", "datasets", "nltk", "numpy", "peft",
    "rapidfuzz", "rouge-score", "sacrebleu", "torch", "transformers", "trl",
)  # fmt: skip
"""Packages that can change a number."""


def environment() -> Environment:
    """Return the facts that a reader needs to repeat a run."""
    place = placement()
    commit, dirty = commit_here()
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        device=place.device,
        dtype=place.dtype,
        cores=os.cpu_count() or 1,
        versions={name: found for name in LIBRARIES if (found := installed(name))},
        commit=commit,
        dirty=dirty,
    )


def installed(name: str) -> str | None:
    """Return a package's version; None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
