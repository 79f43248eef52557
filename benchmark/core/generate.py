"""Plan + data + adapters -> generations: each candidate answers the same test set.

Candidates that share a backend share one copy of its weights. Answers are cached batch by
batch as they are made, and a batch is a pure function of the plan: a run that was cut off
goes on with the very batches that an uninterrupted one would have computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmark.core.batching import checked
from benchmark.core.estimate import Speeds, guess_seconds
from benchmark.core.plan import CandidatePlan, Plan
from benchmark.core.requests import Job, job_of
from benchmark.core.state import Adapter, Answers, Data
from benchmark.core.store import Cache, append_line, read_lines
from benchmark.errors import CandidateError
from benchmark.executors.local import Here
from benchmark.executors.work import replied
from benchmark.files import write_text
from benchmark.plugins import Backend, Crew, Model, Reply, Request, trainable
from benchmark.progress import Progress
from benchmark.records import Effort, Generation


def generate(
    plan: Plan,
    data: Data,
    adapters: dict[str, Adapter | CandidateError],
    progress: Progress,
    crew: Crew | None = None,
) -> dict[str, Answers]:
    """Return every candidate's answers, from the cache or made now."""
    cache, crew = Cache(), crew or Here(progress)
    answers: dict[str, Answers] = {}
    todo: list[Callable[[], dict[str, Answers]]] = []
    for backend, candidates in plan.by_backend():
        waiting: list[Job] = []
        for candidate in candidates:
            adapter = adapters.get(candidate.name)
            if isinstance(adapter, CandidateError):
                answers[candidate.name] = Answers((), "", False, str(adapter))
                continue
            job = job_of(plan, data, candidate, adapter, progress)
            done = finished(cache, job)
            if done is None:
                waiting.append(job)
            else:
                effort = _effort(cache, job)
                answers[candidate.name] = Answers(done, job.fingerprint, False, effort=effort)
        if waiting:
            todo.append(partial(_run, backend, waiting, cache, crew))
    for made in crew.side_by_side(todo):
        answers |= made
    found = {candidate.name: answers[candidate.name] for candidate in plan.candidates}
    return {name: applied(plan, name, found, progress) for name in found}


ENOUGH = 5
"""Answers from which on it is no chance that all of them are the base's."""


def applied(plan: Plan, name: str, answers: dict[str, Answers], progress: Progress) -> Answers:
    """Return a candidate's answers, or an error if its adapter cannot have been at work.

    An adapter that was not put on gives the base's answers, and with them plausible scores. So
    a candidate whose answers are all those of the same model without adapter has failed.
    """
    candidate, mine = plan.candidate(name), answers[name]
    if not (candidate.spec.train or candidate.spec.adapter) or len(mine.generations) < ENOUGH:
        return mine
    for other in plan.candidates:
        bare = not (other.spec.train or other.spec.adapter)
        if not bare or _asked_otherwise(candidate, other):
            continue
        # With the same seeds, drawn answers are alike too.
        pairs = list(zip(mine.generations, answers[other.name].generations, strict=False))
        if pairs and all(one.text == two.text for one, two in pairs):
            reason = CandidateError(
                f"all {len(pairs)} answers are those of {other.name}: the adapter changed nothing",
                hint="raise train.learning_rate or train.epochs; was a loaded one really trained?",
            )
            progress.say(f"{name}: {reason}")
            return Answers((), mine.fingerprint, mine.computed, str(reason))
    return mine


def _asked_otherwise(one: CandidatePlan, other: CandidatePlan) -> bool:
    """Tell whether two candidates differ in more than their adapter."""
    return _asked(one) != _asked(other)


def _asked(candidate: CandidatePlan) -> tuple[object, ...]:
    spec = candidate.spec
    return candidate.backend, candidate.template, candidate.decoding, spec.few_shot, spec.retrieval


def _run(backend: Backend, jobs: list[Job], cache: Cache, crew: Crew) -> dict[str, Answers]:
    """Open a backend once and let all waiting candidates answer."""
    answers: dict[str, Answers] = {}

    def answer(model: Model, job: Job) -> None:
        answers[job.candidate.name] = _answers(model, job, cache, crew.progress)

    try:
        with crew.open(backend, crew.progress) as model:
            crew.side_by_side([partial(answer, model, job) for job in jobs])
    except CandidateError as error:  # the weights themselves do not load
        for job in jobs:
            answers.setdefault(job.candidate.name, Answers((), job.fingerprint, False, str(error)))
    return answers


def _answers(model: Model, job: Job, cache: Cache, progress: Progress) -> Answers:
    try:
        with model.adapted(job.adapter.path if job.adapter else None):
            generations = _generations(model, job, cache, progress)
            effort: Effort | None = getattr(model, "effort", lambda: None)()
            if effort is not None:
                effort = checked(model, job, generations, effort, progress)
    except CandidateError as error:
        progress.say(f"{job.candidate.name}: {error}")
        return Answers((), job.fingerprint, False, str(error))
    if effort is not None:
        write_text(_effort_path(cache, job), effort.model_dump_json())
    return Answers(generations, job.fingerprint, computed=True, effort=effort)


def _effort_path(cache: Cache, job: Job) -> Path:
    return cache.path("generations", f"{job.key}.effort.json")


def _effort(cache: Cache, job: Job) -> Effort | None:
    """Return what answers took when they were made; None if that was not kept."""
    try:
        return Effort.model_validate_json(_effort_path(cache, job).read_bytes())
    except (OSError, ValueError):
        return None  # a figure less in the report; the answers are there


def _generations(model: Model, job: Job, cache: Cache, progress: Progress) -> Sequence[Generation]:
    decoding = job.candidate.decoding
    batches = model.batches(job.requests, decoding)
    with cache.lock("generations", job.key):
        unfinished = cache.path("generations", f"{job.key}.partial")
        # Another machine that shares the cache, with more memory, makes other batches.
        done = {
            at: rows
            for at, rows in _batches_on_disk(unfinished).items()
            if at < len(batches)
            and list(map(_which, rows)) == [_which(job.requests[n]) for n in batches[at]]
        }
        todo = [at for at in range(len(batches)) if at not in done]
        tokens = sum(len(batches[at]) for at in todo) * decoding.max_new_tokens
        started, made, since = time.perf_counter(), 0, kept_tokens(model)
        with progress.step(
            f"{job.candidate.name}: {len(job.requests)} answers",
            total=tokens,
            unit="tok",
            estimate=estimate(job.candidate, job.fingerprint, tokens),
        ) as tick:
            asked = [[job.requests[position] for position in batches[at]] for at in todo]
            for number, replies in replied(model, asked, decoding, tick):
                at = todo[number]
                done[at] = _made(asked[number], replies, job)
                made += sum(generation.tokens_out for generation in done[at])
                # An error is never cached: the next run tries this batch again.
                if all(generation.text is not None for generation in done[at]):
                    append_line(unfinished, [at, [row.model_dump() for row in done[at]]])
        if not job.candidate.is_control:
            seconds, made = time.perf_counter() - started, made + since - kept_tokens(model)
            Speeds(cache).remember(f"generate {job.fingerprint}", made, seconds)
        if all(row.text is not None for rows in done.values() for row in rows):
            if unfinished.is_file():
                unfinished.replace(cache.path("generations", f"{job.key}.jsonl"))
    return _in_order(job, done)


def kept_tokens(model: Model) -> int:
    """Return how many tokens an open backend has had from an earlier run, in no time."""
    return int(getattr(model, "kept_tokens", 0))


def _made(batch: Sequence[Request], replies: Sequence[Reply], job: Job) -> list[Generation]:
    if len(replies) != len(batch):
        raise CandidateError(f"the backend gave {len(replies)} answers to {len(batch)} prompts")
    return [
        Generation(
            example_id=request.example_id,
            candidate=job.candidate.name,
            text=None if reply.text is None else _storable(reply.text),
            error=reply.error,
            finish="error" if reply.text is None else reply.finish,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            seconds=round(reply.seconds or 0.0, 4),
            cost=reply.cost,
            sample=request.sample,
        )
        for request, reply in zip(batch, replies, strict=True)
    ]


def finished(cache: Cache, job: Job) -> Sequence[Generation] | None:
    """Return the answers of a job that was done before; None where some are missing."""
    path = cache.path("generations", f"{job.key}.jsonl")
    if not path.is_file():
        return None
    done = _batches_on_disk(path)
    known = {_which(row) for rows in done.values() for row in rows}
    if known != set(map(_which, job.requests)):
        return None
    return _in_order(job, done)


def _batches_on_disk(path: Path) -> dict[int, list[Generation]]:
    """Read cached batches; a file that was damaged is put aside and its batches made again."""
    try:
        return {
            at: [Generation.model_validate(row) for row in rows] for at, rows in read_lines(path)
        }
    except (ValueError, TypeError):
        path.replace(path.with_suffix(".damaged"))
        return {}


def _in_order(job: Job, done: dict[int, list[Generation]]) -> Sequence[Generation]:
    """Return the answers by sample, and for each in the order of the test side."""
    known = {_which(row): row for rows in done.values() for row in rows}
    # The cache knows no candidate's name: two suites may call the same answers differently.
    return [
        known[_which(request)].model_copy(update={"candidate": job.candidate.name})
        for request in sorted(job.requests, key=lambda request: request.sample)
    ]


def _which(one: Request | Generation) -> tuple[str, int]:
    return one.example_id, one.sample


def estimate(candidate: CandidatePlan, fingerprint: str, tokens: float) -> float | None:
    """Return about how many seconds it takes to make so many tokens; None: not known."""
    if candidate.is_control:
        return None
    backend: Any = candidate.backend
    known = Speeds(Cache()).seconds(f"generate {fingerprint}", tokens)
    if known or not trainable(backend):
        return known
    return guess_seconds(backend.model, backend.dtype, tokens, passes=1)


def _storable(text: str) -> str:
    """Replace lone surrogates, which no file can hold, by the replacement character."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
