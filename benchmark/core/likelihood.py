"""References + models -> how likely each candidate finds them: the scores that no text can give.

A metric with `reads_model` is a number of the model: its statistics are summed log-probabilities
of the references, read with each candidate's own prompt and adapter. What was read is cached by
content, like answers; a model is opened only for what is missing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from benchmark.core.plan import Plan
from benchmark.core.requests import Job, first_of, job_of
from benchmark.core.state import Adapter, Data
from benchmark.core.store import Cache
from benchmark.errors import CandidateError
from benchmark.executors.local import Here
from benchmark.files import write_text
from benchmark.keys import code_version, key
from benchmark.plugins import Backend, Crew, Metric, Model, Scorer
from benchmark.progress import Progress
from benchmark.records import Example, Score

Row = tuple[float, float] | None
"""(minus the summed log-probability, tokens) of one reference; None: it could not be read."""


class Likelihoods(NamedTuple):
    """Scores as those of `core.score`, and how many were computed now."""

    scores: dict[tuple[str, str], list[Score]]
    """(candidate, metric) -> one a test example; no entry for who cannot tell probabilities."""
    computed: int


def likelihood(
    plan: Plan,
    data: Data,
    adapters: Mapping[str, Adapter | CandidateError],
    progress: Progress,
    crew: Crew | None = None,
) -> Likelihoods:
    """Read the references with every candidate that can; one that fails has missing scores."""
    metrics = {
        name: metric for name, metric in plan.metrics.items() if getattr(metric, "reads_model", 0)
    }
    found: dict[tuple[str, str], list[Score]] = {}
    computed = 0
    for backend, candidates in plan.by_backend() if metrics else ():
        if backend.is_control:
            continue
        jobs = [
            first_of(job_of(plan, data, candidate, adapter, progress))
            for candidate in candidates
            if not isinstance(adapter := adapters.get(candidate.name), CandidateError)
        ]
        readings = [
            _Reading(name, metric, job, [_first(row) for row in data.test])
            for job in jobs
            for name, metric in metrics.items()
        ]
        waiting = [reading for reading in readings if reading.rows is None]
        if waiting:
            computed += _open(backend, waiting, crew or Here(progress))
        for reading in readings:
            if reading.rows is not None:
                found[reading.job.candidate.name, reading.name] = reading.scores()
    return Likelihoods(found, computed)


class _Reading:
    """One candidate's references by one metric; `rows` is None until they are read."""

    def __init__(self, name: str, metric: Metric, job: Job, references: Sequence[str]) -> None:
        self.name, self.metric, self.job, self.references = name, metric, job, references
        self.limit: int | None = getattr(metric, "max_length", None)
        asked = key(
            weights=job.fingerprint,
            prompts=[[turn.model_dump() for turn in one.messages] for one in job.requests],
            template=job.candidate.template.model_dump(),
            references=list(references),
            max_length=self.limit,
            code=[code_version("benchmark.prompts"), code_version("benchmark.backends.likelihood")],
        )
        self.path = Cache().path("perplexity", f"{asked}.json")
        self.rows = self._known()

    def read(self, model: Model, scorer: Scorer, progress: Progress) -> None:
        """Read the references. Raises CandidateError."""
        adapter, name = self.job.adapter, self.job.candidate.name
        asked = [at for at, reference in enumerate(self.references) if reference]
        with (
            progress.step(f"{name}: perplexity of {len(asked)} references"),
            model.adapted(adapter.path if adapter else None),
        ):
            scores = scorer.loglikelihood(
                [self.job.requests[at] for at in asked],
                [self.references[at] for at in asked],
                self.limit,
            )
        rows = [(0.0, 0.0)] * len(self.references)
        for at, row in zip(asked, scores, strict=True):
            rows[at] = (-math.fsum(row), float(len(row)))
        if not all(math.isfinite(nll) for nll, _ in rows):
            raise CandidateError("the probability of a reference is no number")
        write_text(self.path, json.dumps(rows))
        self.rows = [*rows]

    def fail(self) -> None:
        """Leave all scores missing, which the reports count. Never cached."""
        self.rows = [None] * len(self.references)

    def scores(self) -> list[Score]:
        """Return one record a test example."""
        import numpy as np

        label = self.metric.infos()[0].name
        found = []
        for request, row in zip(self.job.requests, self.rows or (), strict=True):
            value = math.nan if row is None else float(self.metric.values(np.array(row))[0])
            found.append(
                Score(
                    example_id=request.example_id,
                    candidate=self.job.candidate.name,
                    metric=self.name,
                    stats=row,
                    values={label: value} if math.isfinite(value) else {},
                )
            )
        return found

    def _known(self) -> list[Row] | None:
        if not self.path.is_file():
            return None
        try:
            rows: list[Row] = [
                (float(nll), float(n)) for nll, n in json.loads(self.path.read_bytes())
            ]
        except (ValueError, TypeError):
            rows = []
        if len(rows) == len(self.references):
            return rows
        self.path.replace(self.path.with_suffix(".damaged"))
        return None


def _open(backend: Backend, waiting: Sequence[_Reading], crew: Crew) -> int:
    """Let a backend read for all that wait; return how many it has read."""
    progress = crew.progress
    try:
        with crew.open(backend, progress) as model:
            if not isinstance(model, Scorer):
                return 0  # a server that tells no probabilities: nothing failed
            read = partial(_read, model, model, progress)
            return sum(crew.side_by_side([partial(read, reading) for reading in waiting]))
    except CandidateError as error:  # the weights themselves do not load
        for reading in waiting:
            if reading.rows is None:
                _failed(reading, error, progress)
    return 0


def _read(model: Model, scorer: Scorer, progress: Progress, reading: _Reading) -> bool:
    try:
        reading.read(model, scorer, progress)
    except Exception as error:
        # Whatever a library throws at one adapter, the others are still read.
        _failed(reading, error, progress)
        return False
    return True


def _failed(reading: _Reading, error: Exception, progress: Progress) -> None:
    kind = "" if isinstance(error, CandidateError) else f"{type(error).__name__}: "
    reason = kind + " ".join(str(error).split())[:300]
    progress.say(f"{reading.job.candidate.name}: {reading.name}: {reason}")
    reading.fail()


def _first(example: Example) -> str:
    return next(iter(example.references), "")
