"""What a run would do and how long it would take, without doing it: `bench run --dry-run`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from benchmark.core import forgetting, generate, train
from benchmark.core.data import load_data
from benchmark.core.plan import CandidatePlan, Plan
from benchmark.core.requests import job_of
from benchmark.core.retrieve import retrieve
from benchmark.core.state import Adapter, Data
from benchmark.core.store import Cache
from benchmark.errors import FetchError
from benchmark.manifests import TrainingManifest
from benchmark.progress import Progress
from benchmark.stats import detectable, yes_no_deviation


class Step(NamedTuple):
    """One step of a run."""

    name: str
    what: str
    state: Literal["cached", "to do", "not known before it is fetched"]
    seconds: float | None = None
    """About how long it will take; None where it is not known or takes no time."""


def preview(plan: Plan, progress: Progress) -> list[Step]:
    """Return the steps of a run. Fetches nothing, trains nothing, loads no weights."""
    with offline():
        try:
            for candidate in plan.candidates:
                candidate.backend.fingerprint(progress)
            data = retrieve(plan, load_data(plan, progress), progress, only_ready=True)
            texts = forgetting.texts_of(plan, progress)
        except FetchError as error:
            # The user need not know by which switch we kept ourselves from fetching.
            missing = error.problems[0].what.partition(", and BENCH_OFFLINE")[0]
            return [Step("fetch", missing, "to do"), *_unknown(plan)]
        return list(steps(plan, data, texts, progress))


def steps(
    plan: Plan,
    data: Data,
    texts: forgetting.Texts | None,
    progress: Progress,
    known: Callable[[str], TrainingManifest | None] = train.cached,
) -> Iterator[Step]:
    """Yield the steps that follow once the data are there.

    Args:
        plan: What to do.
        data: All sides.
        texts: What is read to see what training did to general text, if anything is.
        progress: Where long reading shows itself.
        known: Finds a finished adapter by its key.
    """
    yield Step(
        "data",
        f"{len(data.train)} train, {len(data.validation)} validation, {len(data.test)} test rows"
        f"{_shows(data)}",
        "cached",
    )
    adapters: dict[str, Adapter | None] = {}
    for candidate in plan.candidates:
        if _waits(candidate, data):
            yield Step(f"retrieve {candidate.name}", "encode texts, then search", "to do")
        if candidate.spec.train:
            name = train.adapter_key(plan, candidate, data, progress)
            found = None if _waits(candidate, data) else known(name)
            step, adapter = _training(plan, candidate, data, (name, found))
            adapters[candidate.name] = adapter
            yield step
    for candidate in plan.candidates:
        yield _generation(plan, candidate, data, adapters, progress)
    if texts:
        yield from _forgetting(plan, adapters, texts, progress)
    numbers = len(plan.labels)
    yield Step("score", f"{numbers} numbers for each of {len(plan.candidates)} candidates", "to do")


def _shows(data: Data) -> str:
    """Say what so many test rows can tell apart, where nothing else is known yet."""
    clusters = len({row.group or f"\x1f{row.id}" for row in data.test})
    if clusters < 2:
        return ""
    least = detectable(yes_no_deviation(0.5), clusters)
    return f"; can show a drop of {least:.2g} in a yes/no score at worst (see `bench power`)"


def _training(
    plan: Plan, candidate: CandidatePlan, data: Data, adapter: tuple[str, TrainingManifest | None]
) -> tuple[Step, Adapter | None]:
    spec, (name, found) = train.training(plan, candidate), adapter
    what = f"{spec.method} on {len(data.train)} rows, {spec.epochs:g} epochs"
    if found is None:
        seconds = train.estimate(candidate, data, spec)
        return Step(f"train {candidate.name}", what, "to do", seconds), None
    made = Adapter(Cache().path("adapters", name), found.adapter_sha256, found, False)
    return Step(f"train {candidate.name}", what, "cached"), made


def _generation(
    plan: Plan,
    candidate: CandidatePlan,
    data: Data,
    adapters: dict[str, Adapter | None],
    progress: Progress,
) -> Step:
    name = f"generate {candidate.name}"
    what = f"{len(data.test)} answers of at most {candidate.decoding.max_new_tokens} tokens"
    adapter = adapters.get(candidate.name)
    if candidate.spec.adapter:
        adapter = train.loaded(candidate, progress)
    job = job_of(plan, data, candidate, adapter, progress)
    untrained = candidate.name in adapters and adapter is None
    unknown = untrained or _waits(candidate, data)
    if not unknown and generate.finished(Cache(), job) is not None:
        return Step(name, what, "cached")
    tokens = len(data.test) * candidate.decoding.max_new_tokens
    return Step(name, what, "to do", generate.estimate(candidate, job.fingerprint, tokens))


def _waits(candidate: CandidatePlan, data: Data) -> bool:
    """Tell whether a candidate's prompts are not known before texts are encoded."""
    return candidate.spec.retrieval is not None and candidate.name not in data.retrieved


def _forgetting(
    plan: Plan,
    adapters: dict[str, Adapter | None],
    texts: forgetting.Texts,
    progress: Progress,
) -> Iterator[Step]:
    """Say what is to be read: by each base once, then with each adapter."""
    what = (
        f"perplexity of {len(texts.text.passages)} texts of at most {texts.spec.max_length} tokens"
    )
    for backend, candidates in plan.by_backend():
        readings: dict[str, Adapter | None] = {}
        for candidate in candidates:
            if candidate.spec.adapter:
                readings[candidate.name] = train.loaded(candidate, progress)
            elif candidate.spec.train:
                readings[candidate.name] = adapters[candidate.name]
        for name, adapter in ({"the base": None, **readings} if readings else {}).items():
            key = texts.key(backend, adapter, progress)
            untrained = name in readings and adapter is None
            if not untrained and texts.known(Cache(), key) is not None:
                yield Step(f"forgetting {name}", what, "cached")
            else:
                seconds = forgetting.estimate(backend, texts)
                yield Step(f"forgetting {name}", what, "to do", seconds)


def _unknown(plan: Plan) -> Iterator[Step]:
    state: Literal["not known before it is fetched"] = "not known before it is fetched"
    for candidate in plan.candidates:
        if candidate.spec.train:
            yield Step(f"train {candidate.name}", candidate.spec.train.method, state)
    for candidate in plan.candidates:
        what = f"at most {candidate.decoding.max_new_tokens} tokens an answer"
        yield Step(f"generate {candidate.name}", what, state)
    if plan.suite.forgetting:
        yield Step("forgetting", f"perplexity of {plan.suite.forgetting.texts} texts", state)


@contextmanager
def offline() -> Iterator[None]:
    """Let nothing be fetched inside the `with`."""
    before = os.environ.get("BENCH_OFFLINE")
    os.environ["BENCH_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["BENCH_OFFLINE"]
        else:
            os.environ["BENCH_OFFLINE"] = before
