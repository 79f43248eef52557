"""Plan + data -> adapters: one for each candidate that trains, from the cache or made now."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import partial
from typing import Any

from benchmark.core.adapter_source import folder_of
from benchmark.core.estimate import Speeds, guess_seconds
from benchmark.core.plan import CandidatePlan, Plan
from benchmark.core.state import Adapter, Data
from benchmark.core.store import Cache
from benchmark.errors import CandidateError
from benchmark.executors.local import Here
from benchmark.keys import code_version, key
from benchmark.manifests import TrainingManifest
from benchmark.models import local_model
from benchmark.plugins import Crew
from benchmark.progress import Progress
from benchmark.records import Example
from benchmark.suite import TrainSpec
from benchmark.suite_train import COST_ONLY
from benchmark.training import fit, manifest, weights
from benchmark.training.methods import default_rate

CHARACTERS_A_TOKEN = 3.0
"""For estimates only: French text in an English tokenizer."""


def train(
    plan: Plan, data: Data, progress: Progress, crew: Crew | None = None
) -> dict[str, Adapter | CandidateError]:
    """Return an adapter, or the reason why there is none, for each candidate that needs one."""
    found: dict[str, Adapter | CandidateError] = {}
    crew = crew or Here(progress)

    def make(candidate: CandidatePlan) -> None:
        try:
            if candidate.spec.adapter:
                found[candidate.name] = loaded(candidate, crew.progress)
            else:
                found[candidate.name] = _trained(plan, candidate, data, crew)
        except CandidateError as error:
            crew.progress.say(f"{candidate.name}: {error}")
            found[candidate.name] = error

    # Those that are only loaded come first: a wrong one shows before the long work.
    for candidate in plan.candidates:
        if candidate.spec.adapter:
            make(candidate)
    learn = [candidate for candidate in plan.candidates if candidate.spec.train]
    crew.side_by_side([partial(make, candidate) for candidate in learn])
    return found


def loaded(candidate: CandidatePlan, progress: Progress) -> Adapter:
    """Return an adapter that is there already, checked against the candidate's base.

    Raises:
        CandidateError: It is damaged, pickled, or does not fit the base.
        StoreError: `cache:...` names none.
        FetchError: The adapter or the base model cannot be fetched.
    """
    name, backend = candidate.spec.adapter or "", candidate.backend
    folder = folder_of(name, progress)
    base = local_model(backend.model, progress) if hasattr(backend, "model") else None
    found = fit.check(folder, base, name)
    return Adapter(folder, found.sha256, found.manifest, computed=False)


def training(plan: Plan, candidate: CandidatePlan) -> TrainSpec:
    """Return how a candidate is trained: the suite's seed and the method's rate filled in."""
    spec = candidate.spec.train or TrainSpec()
    found: dict[str, Any] = {}
    if spec.seed is None:
        found["seed"] = plan.suite.seed
    if spec.learning_rate is None:
        found["learning_rate"] = default_rate(spec)
    return spec.model_copy(update=found)


def adapter_key(plan: Plan, candidate: CandidatePlan, data: Data, progress: Progress) -> str:
    """Return the content key of the adapter that a candidate asks for."""
    spec = training(plan, candidate)
    sides = data.sides(candidate.name)
    start = "benchmark.training.launch" if spec.parallel else "benchmark.training.run"
    return key(
        base=candidate.backend.fingerprint(progress),
        spec=spec.model_dump(mode="json", exclude=set(COST_ONLY)),
        template=candidate.template.model_dump(),
        data=sides.train_sha256,
        # The best weights are those of the lowest validation loss, so these rows decide too.
        validation=[example.model_dump() for example in sides.validation],
        versions=manifest.versions(),
        code=[code_version(start), code_version("benchmark.prompts")],
    )


def cached(name: str) -> TrainingManifest | None:
    """Return the manifest of a finished adapter in the cache; a damaged one is put aside."""
    folder = Cache().path("adapters", name)
    if not folder.is_dir():
        return None
    found = manifest.read(folder)
    try:
        if found and weights.sha256_of(folder) == found.adapter_sha256:
            return found
    except CandidateError:
        pass  # its weights are gone: as good as damaged
    folder.rename(folder.with_suffix(".damaged"))
    return None


def estimate(candidate: CandidatePlan, data: Data, spec: TrainSpec) -> float:
    """Return about how many seconds a training will take."""
    backend: Any = candidate.backend  # the plan has checked that it has a `model`
    tokens = _tokens(data.sides(candidate.name).train, spec)
    known = Speeds(Cache()).seconds(_speed(candidate, spec), tokens)
    passes = 3 if spec.method.lower() == "full" else 2
    return known or guess_seconds(backend.model, backend.dtype, tokens, passes=passes)


def _trained(plan: Plan, candidate: CandidatePlan, data: Data, crew: Crew) -> Adapter:
    backend: Any = candidate.backend
    name = adapter_key(plan, candidate, data, crew.progress)
    cache, spec, sides = Cache(), training(plan, candidate), data.sides(candidate.name)
    folder = cache.path("adapters", name)
    with cache.lock("adapters", name):
        found = cached(name)
        if found:
            return Adapter(folder, found.adapter_sha256, found, computed=False)
        from benchmark.training import job as jobs

        job = jobs.Job(
            key=name,
            model=backend.model,
            dtype=backend.dtype,
            spec=spec,
            template=candidate.template,
            train=sides.train,
            validation=sides.validation,
            data_sha256=sides.train_sha256,
            name=candidate.name,
            estimate=estimate(candidate, data, spec),
        )
        with cache.folder("adapters", name) as scratch:
            # Checkpoints outlive this process: the same command goes on from the last one.
            made = crew.train(job, scratch, cache.path("training", name), crew.progress)
        gc.collect()  # trainer and model hold each other; generation needs their memory
        Speeds(cache).remember(_speed(candidate, spec), _tokens(sides.train, spec), made.seconds)
    return Adapter(folder, made.adapter_sha256, made, computed=True)


def _speed(candidate: CandidatePlan, spec: TrainSpec) -> str:
    backend: Any = candidate.backend
    return f"train {backend.key} {spec.method} batch {spec.batch_size}"


def _tokens(rows: Sequence[Example], spec: TrainSpec) -> float:
    characters = sum(
        sum(len(turn.content) for turn in example.prompt) + len(next(iter(example.references), ""))
        for example in rows
    )
    return characters / CHARACTERS_A_TOKEN * spec.epochs
