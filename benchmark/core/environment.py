"""Where a run happened: versions, device, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

from benchmark.devices import placement
from benchmark.results import Environment

LIBRARIES = (
    "benchmark", "accelerate", "bert-score", "datasets", "nltk", "numpy", "peft", "rapidfuzz",
    "rouge-score", "sacrebleu", "torch", "transformers", "trl",
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


def commit_here() -> tuple[str | None, bool | None]:
    """Return the git commit of the working folder and whether it has changes; None outside git."""
    head = _git("rev-parse", "HEAD")
    if head is None:
        return None, None
    return head, bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None  # no git, or no repository: a fact of the environment, not an error
    return done.stdout.strip()
