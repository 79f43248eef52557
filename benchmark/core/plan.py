"""From what was asked (`Suite`) to what will happen (`Plan`): plugins built, names resolved.

Pure: nothing is fetched and no model is loaded, so that `bench check` and
`bench run --dry-run` are the same code as `bench run` minus running.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from pydantic import ValidationError

from benchmark.core.general_text import problem_of
from benchmark.core.plan_answers import adapter_problems, decoding_of, sampling_problems
from benchmark.core.plan_judges import judge_problems
from benchmark.errors import BenchError, ConfigError, Problem
from benchmark.keys import key
from benchmark.metrics.base import bound
from benchmark.plugins import (
    BACKENDS,
    DATASETS,
    EXECUTORS,
    JUDGES,
    METRICS,
    REPORTERS,
    Backend,
    Dataset,
    Executor,
    Judge,
    Metric,
    Reporter,
    trainable,
)
from benchmark.prompts import Template
from benchmark.registry import Registry
from benchmark.suite import CandidateSpec, Decoding, Origin, Suite, Use
from benchmark.suite_file import Document, salvage, validate
from benchmark.suite_problems import cross_checks, plain_problems, unfit_scores
from benchmark.training.methods import problems as method_problems

Path_ = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CandidatePlan:
    """One candidate with everything it inherits from the suite filled in."""

    name: str
    spec: CandidateSpec
    backend: Backend
    template: Template
    decoding: Decoding

    @property
    def is_control(self) -> bool:
        """Tell whether it is a fake that sees the references."""
        return self.backend.is_control


@dataclass(frozen=True, slots=True)
class Plan:
    """A suite, resolved.

    Attributes:
        labels: (metric's name in the suite, score's own name) -> the number's label.
        fingerprint: Hash of everything asked for.
    """

    suite: Suite
    dataset: Dataset
    candidates: tuple[CandidatePlan, ...]
    metrics: Mapping[str, Metric]
    judges: Mapping[str, Judge]
    reporters: tuple[Reporter, ...]
    labels: Mapping[tuple[str, str], str]
    primary: str
    fingerprint: str
    executor: Executor

    def candidate(self, name: str) -> CandidatePlan:
        """Return a candidate by name. Raises KeyError."""
        return next(found for found in self.candidates if found.name == name)

    def by_backend(self) -> Iterator[tuple[Backend, list[CandidatePlan]]]:
        """Give each backend once, with its candidates: they share one copy of its weights."""
        backends: list[Backend] = []
        for candidate in self.candidates:
            if candidate.backend not in backends:
                backends.append(candidate.backend)
        for backend in backends:
            yield backend, [found for found in self.candidates if found.backend == backend]


def make_plan(suite: Suite) -> Plan:
    """Resolve a suite.

    Raises:
        ConfigError: With every problem of plugins, parameters and names at once.
    """
    problems: list[Problem] = []
    origin = suite.origin
    built = {path: _build(kind, use, origin, path, problems) for kind, use, path in _uses(suite)}
    metrics = {name: bound(built["metrics", name], built[("dataset",)]) for name in suite.metrics}
    known = {name: found for name, found in metrics.items() if found}
    labels = _labels(suite, known)
    # Which number is better when it is higher (True) or lower (False); None: it only describes.
    ways = {labels[name, i.name]: i.higher_is_better for name in known for i in known[name].infos()}
    if all(metrics.values()):
        problems += unfit_scores(suite, ways)
    problems += judge_problems(suite, labels.values(), built)
    if problems:
        raise ConfigError(problems)
    candidates = tuple(
        CandidatePlan(
            name=name,
            spec=spec,
            backend=(backend := built.get(("candidates", name, "backend")) or built["backend",]),
            template=spec.template or suite.template,
            decoding=decoding_of(suite, spec, backend),
        )
        for name, spec in suite.candidates.items()
    )
    problems += _misfits(suite, candidates, built[("dataset",)])
    problems += sampling_problems(suite, candidates)
    wrong = problem_of(suite.forgetting, origin) if suite.forgetting else None
    problems += [wrong] if wrong else []
    if problems:
        raise ConfigError(problems)
    executor = built.pop(("executor",))  # no result depends on it
    return Plan(
        suite=suite,
        dataset=built[("dataset",)],
        candidates=candidates,
        metrics=metrics,
        judges={name: built["judges", name] for name in suite.judges},
        reporters=tuple(built["reports", name] for name in suite.reports),
        labels=labels,
        primary=suite.primary or min(ways, key=lambda label: ways[label] is None),
        fingerprint=key(
            suite=suite.model_dump(mode="json", exclude={"reports", "executor"}),
            plugins={".".join(path): getattr(plugin, "key", "") for path, plugin in built.items()},
        ),
        executor=executor,
    )


def build_metrics(suite: Suite) -> tuple[dict[str, Metric], dict[tuple[str, str], str]]:
    """Return only a suite's metrics and the labels of their numbers. Raises ConfigError."""
    problems: list[Problem] = []
    metrics = {
        name: _build(METRICS, use, suite.origin, ("metrics", name), problems)
        for name, use in suite.metrics.items()
    }
    if problems:
        raise ConfigError(problems)
    return metrics, _labels(suite, metrics)


def build_backend(settings: Any, where: str = "--backend") -> Backend:
    """Return one backend from its settings, as in a suite. Raises ConfigError."""
    problems: list[Problem] = []
    try:
        use = Use.model_validate(settings)
    except ValidationError as error:
        raise ConfigError("names no backend", where=where, hint="{use: hf, model: ...}") from error
    backend: Backend | None = _build(BACKENDS, use, Origin(where, {}), (), problems)
    if backend is None:
        raise ConfigError(problems)
    return backend


def check(document: Document) -> tuple[Suite | None, list[Problem]]:
    """Return the suite and every problem of its shape, its plugins and its names, at once."""
    suite, problems = validate(document)
    # A key of wrong shape must not hide the mistakes elsewhere: they are looked for without it.
    rest = suite or salvage(document)
    if rest is not None:
        found = [*cross_checks(rest)] if suite is None else []
        try:
            make_plan(rest)
        except ConfigError as error:
            found += error.problems
        known = {str(problem) for problem in problems}
        return suite, [*problems, *(item for item in found if str(item) not in known)]
    # A required key is missing; plugins named elsewhere can still be checked.
    for kind, raw, path in _raw_uses(document.data):
        try:
            use = Use.model_validate(raw)
        except ValidationError:
            continue  # already among the problems of the shape
        _build(kind, use, document.origin, path, problems)
    return None, problems


def _build(kind: Registry, use: Use, origin: Origin, path: Path_, problems: list[Problem]) -> Any:
    """Return a plugin, or None after adding what is wrong with it to `problems`."""
    try:
        return kind.load(use.use)(**use.parameters)
    except ValidationError as error:
        cls = kind.load(use.use)
        problems += plain_problems(error, origin, path, known=list(cls.model_fields))
    except BenchError as error:
        for problem in error.problems:
            problems.append(Problem(origin.where(*path), problem.what, problem.hint))
    return None


def _uses(suite: Suite) -> Iterator[tuple[Registry, Use, Path_]]:
    yield DATASETS, suite.dataset, ("dataset",)
    yield BACKENDS, suite.backend, ("backend",)
    yield EXECUTORS, suite.executor, ("executor",)
    for name, spec in suite.candidates.items():
        if spec.backend:
            yield BACKENDS, spec.backend, ("candidates", name, "backend")
    for section, kind, uses in (
        ("metrics", METRICS, suite.metrics),
        ("judges", JUDGES, suite.judges),
        ("reports", REPORTERS, suite.reports),
    ):
        for name, use in uses.items():
            yield kind, use, (section, name)


def _raw_uses(data: Mapping[str, Any]) -> Iterator[tuple[Registry, Any, Path_]]:
    for section, kind in (("dataset", DATASETS), ("backend", BACKENDS), ("executor", EXECUTORS)):
        if section in data:
            yield kind, data[section], (section,)
    candidates = data.get("candidates")
    for name, spec in candidates.items() if isinstance(candidates, dict) else ():
        if isinstance(spec, dict) and "backend" in spec:
            yield BACKENDS, spec["backend"], ("candidates", str(name), "backend")
    for section, kind in (("metrics", METRICS), ("judges", JUDGES), ("reports", REPORTERS)):
        uses = data.get(section)
        for name, raw in uses.items() if isinstance(uses, dict) else ():
            if raw is False:
                continue
            settings = {} if raw is None or raw is True else raw
            if isinstance(settings, dict):
                settings = {"use": str(name), **settings}
            yield kind, settings, (section, str(name))


def _labels(suite: Suite, metrics: Mapping[str, Metric]) -> dict[tuple[str, str], str]:
    """Name each number: by itself where the metric has its plugin's name, else behind its own."""
    return {
        (name, info.name): info.name if suite.metrics[name].use == name else f"{name}.{info.name}"
        for name, metric in metrics.items()
        for info in metric.infos()
    }


def _misfits(
    suite: Suite, candidates: Sequence[CandidatePlan], dataset: Dataset
) -> Iterator[Problem]:
    """Find candidates that ask for what their backend, or the data set, cannot do."""
    for candidate in candidates:
        where = suite.origin.where("candidates", candidate.name)
        spec = candidate.spec
        if (spec.train or spec.adapter) and candidate.is_control:
            yield Problem(where, "a control takes no adapter", "remove `train`/`adapter`")
        if spec.train and not trainable(candidate.backend):
            yield Problem(where, "this backend cannot be trained", "use backend hf to train")
        if spec.adapter and not getattr(candidate.backend, "trainable", True):
            yield Problem(where, "this backend puts on no adapter", _ELSEWHERE)
        wants_corpus = spec.retrieval is not None and spec.retrieval.documents == "corpus"
        if wants_corpus and not hasattr(dataset, "corpus"):
            here = suite.origin.where("candidates", candidate.name, "retrieval", "documents")
            what = f"data set {suite.dataset.use} has no corpus of its own"
            yield Problem(here, what, "name a file or folder of documents, or train")
        if spec.train:
            yield from _untrainable(candidate, suite.origin)
        if spec.adapter:
            yield from adapter_problems(suite, candidate)


_ELSEWHERE = "use backend hf, or name a server's LoRA module as the backend's `model`"


def _untrainable(candidate: CandidatePlan, origin: Origin) -> Iterator[Problem]:
    """Find what is wrong with a method's name and parameters, and trackers that are missing."""
    spec = candidate.spec.train
    assert spec is not None
    for key_, what, hint in method_problems(spec):
        yield Problem(origin.where("candidates", candidate.name, "train", key_), what, hint)
    for tracker in spec.report_to:
        if tracker not in ("none", "all") and find_spec(tracker.replace("-", "_")) is None:
            where = origin.where("candidates", candidate.name, "train", "report_to")
            yield Problem(where, f"{tracker} is not installed", f"pip install {tracker}")
