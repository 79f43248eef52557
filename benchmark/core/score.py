"""Data + generations -> scores: every metric on every answer, from the cache or computed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import TypeAdapter

from benchmark.core.plan import Plan
from benchmark.core.state import Answers
from benchmark.core.store import Cache
from benchmark.files import write_text
from benchmark.keys import key
from benchmark.plugins import Metric
from benchmark.progress import Progress
from benchmark.records import CitedArticle, Example, Generation, Score

if TYPE_CHECKING:
    from benchmark.plugins import Array


_CITED = TypeAdapter(list[tuple[CitedArticle, ...]])


class Scores(NamedTuple):
    """All scores, and how many (candidate, metric) pairs were computed now."""

    scores: dict[tuple[str, str], list[Score]]
    """(candidate, metric) -> one a test example, in order."""
    computed: int


def score(
    plan: Plan, examples: Sequence[Example], answers: Mapping[str, Answers], progress: Progress
) -> Scores:
    """Score every candidate by every metric. Missing answers get no score, and are counted."""
    scores: dict[tuple[str, str], list[Score]] = {}
    computed = 0
    total = len(plan.metrics) * len(answers)
    with progress.step("score", total=total, unit="metric") as tick:
        for name, metric in plan.metrics.items():
            for candidate, answer in answers.items():
                if answer.error is None:
                    rows, made = _rows(name, metric, examples, answer.generations)
                    scores[candidate, name] = rows
                    computed += made
                tick(1, note=f"{name} of {candidate}")
    return Scores(scores, computed)


def _rows(
    name: str, metric: Metric, examples: Sequence[Example], generations: Sequence[Generation]
) -> tuple[list[Score], bool]:
    pairs = [
        (example, generation.text)
        for example, generation in zip(examples, generations, strict=True)
        if generation.text is not None
    ]
    answered = [example for example, _ in pairs]
    texts = [text for _, text in pairs]
    stats, made = _stats(metric, answered, texts)
    rows = dict(zip([example.id for example in answered], stats, strict=True))
    cited = dict(
        zip([example.id for example in answered], _cited(metric, answered, texts), strict=True)
    )
    return [
        Score(
            example_id=generation.example_id,
            candidate=generation.candidate,
            metric=name,
            stats=rows.get(generation.example_id),
            values=_values(metric, rows.get(generation.example_id)),
            citations=cited.get(generation.example_id, ()),
        )
        for generation in generations
    ], made


def _stats(
    metric: Metric, examples: Sequence[Example], texts: Sequence[str]
) -> tuple[list[tuple[float, ...]], bool]:
    """Return statistics, and whether they had to be computed."""
    if not texts:
        return [], False
    path = Cache().path("scores", f"{_name(metric, examples, texts)}.json")
    if path.is_file():
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            if len(known) == len(texts):
                return [tuple(row) for row in known], False
        except ValueError:
            path.replace(path.with_suffix(".damaged"))  # computed again below
    stats = [tuple(row) for row in metric.stats(examples, texts).tolist()]
    write_text(path, json.dumps(stats))
    return stats, True


def _name(metric: Metric, examples: Sequence[Example], texts: Sequence[str]) -> str:
    return key(
        metric=metric.key,
        weights=metric.weights(),
        # A metric may read anything of an example, so all of it is part of the key.
        examples=[example.model_dump(mode="json") for example in examples],
        texts=list(texts),
    )


def _cited(
    metric: Metric, examples: Sequence[Example], texts: Sequence[str]
) -> list[tuple[CitedArticle, ...]]:
    """Return what a metric with the optional `citations` found in each answer; () without."""
    find = getattr(metric, "citations", None)
    if find is None or not texts:
        return [()] * len(texts)
    path = Cache().path("scores", f"{_name(metric, examples, texts)}.citations.json")
    if path.is_file():
        try:
            known = _CITED.validate_json(path.read_bytes())
            if len(known) == len(texts):
                return known
        except ValueError:
            path.replace(path.with_suffix(".damaged"))  # made again below
    found: list[tuple[CitedArticle, ...]] = find(examples, texts)
    write_text(path, _CITED.dump_json(found).decode())
    return found


def _values(metric: Metric, stats: tuple[float, ...] | None) -> dict[str, float]:
    if stats is None:
        return {}
    import numpy as np

    row: Array = np.asarray(stats, dtype=np.float64)
    values = metric.values(row).tolist()
    return {
        info.name: value
        for info, value in zip(metric.infos(), values, strict=True)
        if not math.isnan(value)
    }
