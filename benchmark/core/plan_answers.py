"""How each candidate answers: its own settings in the suite's, and what cannot be asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import ConfigError, Problem
from benchmark.plugins import Backend
from benchmark.references import check, parse
from benchmark.suite import CandidateSpec, Decoding, Suite

if TYPE_CHECKING:
    from benchmark.core.plan import CandidatePlan


def decoding_of(suite: Suite, spec: CandidateSpec, backend: Backend) -> Decoding:
    """Return the suite's `generation:` with the single values that a candidate changes.

    A control gives one answer, as it would give the same one again.
    """
    own = spec.generation
    changed = {name: getattr(own, name) for name in own.model_fields_set} if own else {}
    found = suite.generation.model_copy(update=changed)
    if found.seed is None:  # where nothing is drawn, no answer depends on it
        changed["seed"] = suite.seed if found.temperature else 0
    if backend.is_control:
        changed["samples"] = 1
    return suite.generation.model_copy(update=changed)


def sampling_problems(suite: Suite, candidates: Sequence[CandidatePlan]) -> Iterator[Problem]:
    """Find candidates whose samples would all be alike."""
    told = set()
    for one in candidates:
        asked, more = one.decoding, getattr(one.backend, "extra", None) or {}
        if asked.samples == 1 or getattr(one.backend, "is_given", False):
            continue
        if more.get("seed") is not None:
            path = ("candidates", one.name, "backend") if one.spec.backend else ("backend",)
            what = f"asks for {asked.samples} samples, and `extra.seed` gives all of them one seed"
            yield Problem(suite.origin.where(*path), what, "remove it, or write `seed: null`")
        if asked.temperature:
            continue
        own = one.spec.generation
        mine = own is not None and own.model_fields_set & {"samples", "temperature"}
        path = ("candidates", one.name, "generation") if mine else ("generation",)
        if path not in told:
            told.add(path)
            what = f"asks for {asked.samples} samples at temperature 0, which would all be alike"
            hint = "set `temperature` above 0, or `samples: 1`"
            yield Problem(suite.origin.where(*path), what, hint)


def adapter_problems(suite: Suite, candidate: CandidatePlan) -> Iterator[Problem]:
    """Find what can be seen to be wrong with a candidate's `adapter:` before it is fetched."""
    name = candidate.spec.adapter or ""
    if name.startswith("cache:") or Path(name).expanduser().is_dir():
        return  # what is in the cache is looked up when it is loaded
    try:
        check(parse(name))
    except ConfigError as error:
        where = suite.origin.where("candidates", candidate.name, "adapter")
        for problem in error.problems:
            yield Problem(where, problem.what, problem.hint)
