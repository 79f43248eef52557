"""Data + generations -> scores: every metric on every answer, from the cache or computed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import TypeAdapter

from benchmark.core.plan import Plan
from benchmark.core.sampled import mean_stats, mean_values
from benchmark.core.spread import by_example, together
from benchmark.core.state import Answers
from benchmark.core.store import Cache
from benchmark.files import write_text
from benchmark.keys import canonical, key, sha256_of_rows
from benchmark.metrics.base import Fitted
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
    metrics = {
        name: metric.fitted(examples) if isinstance(metric, Fitted) else metric
        for name, metric in plan.metrics.items()
        # A number of the model itself is none of its answers: `core.likelihood` reads it.
        if not getattr(metric, "reads_model", False)
    }
    total = len(metrics) * len(answers)
    with progress.step("score", total=total, unit="metric") as tick:
        for candidate, answer in answers.items():
            for name, rows, made in _of_candidate(metrics, examples, answer):
                scores[candidate, name] = rows
                computed += made
                tick(1, note=f"{name} of {candidate}")
            tick(len(metrics) if answer.error is not None else 0)
    return Scores(scores, computed)


def _of_candidate(
    metrics: Mapping[str, Metric], examples: Sequence[Example], answer: Answers
) -> Iterator[tuple[str, list[Score], bool]]:
    """Yield (metric, scores, whether they had to be computed); nothing of one that failed."""
    if answer.error is not None:
        return
    known_as = {example.id: example for example in examples}
    answered = [row for row in answer.generations if row.text is not None]
    whole = _Asked.of([(known_as[row.example_id], row.text or "") for row in answered])
    asked = {name: _read_by(metric, whole, answered) for name, metric in metrics.items()}
    paths = {name: asked[name].path(metric) for name, metric in metrics.items()}
    known = {name: asked[name].known(path) for name, path in paths.items()}
    missing = {
        name: metric
        for name, metric in metrics.items()
        if known[name] is None and by_example(metric) and asked[name] is whole
    }
    at_once = together(missing, whole.examples, whole.texts)
    for name, metric in metrics.items():
        stats, mine = known[name], asked[name]
        made = stats is None
        if stats is None:
            found = (
                at_once.pop(name) if name in at_once else metric.stats(mine.examples, mine.texts)
            )
            stats = [tuple(row) for row in found.tolist()]
            write_text(paths[name], json.dumps(stats))
        cited = mine.cited(metric, paths[name])
        yield name, _rows(name, metric, (stats, cited), answer.generations), made


def _read_by(metric: Metric, whole: _Asked, answered: Sequence[Generation]) -> _Asked:
    """Return the answers as a metric reads them: one may leave out the end of what was cut."""
    finished = getattr(metric, "finished", None)
    if finished is None or all(row.finish != "length" for row in answered):
        return whole
    texts = [
        finished(text) if row.finish == "length" else text
        for row, text in zip(answered, whole.texts, strict=True)
    ]
    return (
        whole if texts == whole.texts else _Asked.of(list(zip(whole.examples, texts, strict=True)))
    )


def _rows(
    name: str,
    metric: Metric,
    found: tuple[Sequence[tuple[float, ...]], Sequence[tuple[CitedArticle, ...]]],
    generations: Sequence[Generation],
) -> list[Score]:
    stats, citations = found
    which = [(row.example_id, row.sample) for row in generations if row.text is not None]
    # A metric that could not look at an answer gives NaN: a score that is missing, and counted.
    known = [row if all(map(math.isfinite, row)) else None for row in stats]
    rows = dict(zip(which, known, strict=True))
    cited = dict(zip(which, citations, strict=True))
    samples: dict[str, list[tuple[float, ...] | None]] = {}
    for generation in generations:
        mine = samples.setdefault(generation.example_id, [])
        mine.append(rows.get((generation.example_id, generation.sample)))
    return [
        Score(
            example_id=example,
            candidate=generations[0].candidate,
            metric=name,
            stats=mean_stats(mine),
            values=mean_values([_values(metric, row) for row in mine]),
            citations=cited.get((example, 0), ()),
            samples=tuple(mine) if len(mine) > 1 else (),
        )
        for example, mine in samples.items()
    ]


class _Asked(NamedTuple):
    """What a candidate answered."""

    examples: Sequence[Example]
    texts: Sequence[str]
    content: str
    """Hash of both; a metric may read anything of an example, so all of it is part of it."""

    @classmethod
    def of(cls, pairs: Sequence[tuple[Example, str]]) -> _Asked:
        """Return what was answered, hashed row by row: a test set as one JSON text is huge."""
        rows = (canonical([example.model_dump(mode="json"), text]) for example, text in pairs)
        content = sha256_of_rows(rows)
        return cls([example for example, _ in pairs], [text for _, text in pairs], content)

    def path(self, metric: Metric) -> Path:
        """Return where a metric's statistics of these answers are kept."""
        name = key(metric=metric.key, weights=metric.weights(), content=self.content)
        return Cache().path("scores", f"{name}.json")

    def known(self, path: Path) -> list[tuple[float, ...]] | None:
        """Return statistics that were computed before, or None."""
        if not self.texts:
            return []
        if path.is_file():
            try:
                known = json.loads(path.read_text(encoding="utf-8"))
                if len(known) == len(self.texts):
                    return [tuple(row) for row in known]
            except ValueError:
                path.replace(path.with_suffix(".damaged"))  # computed again
        return None

    def cited(self, metric: Metric, scores: Path) -> list[tuple[CitedArticle, ...]]:
        """Return what a metric with the optional `citations` found in each answer; () without."""
        find = getattr(metric, "citations", None)
        if find is None or not self.texts:
            return [()] * len(self.texts)
        path = scores.with_suffix(".citations.json")
        if path.is_file():
            try:
                known = _CITED.validate_json(path.read_bytes())
                if len(known) == len(self.texts):
                    return known
            except ValueError:
                path.replace(path.with_suffix(".damaged"))  # made again below
        found: list[tuple[CitedArticle, ...]] = find(self.examples, self.texts)
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
