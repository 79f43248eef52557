"""Tables that gates make of a run's: a part of it, a judge as a metric, a margin of two.

A part of the test side is named by fields of `meta`, or by `length`: the shortest, middle and
longest third of the test side by its references.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from benchmark.core.baseline import JUDGE
from benchmark.core.compare import Scored
from benchmark.core.opinions import Opinion
from benchmark.core.sampled import opinions_by_example
from benchmark.records import Example, Score, Verdict
from benchmark.results import Comparison
from benchmark.stats import bootstrap

if TYPE_CHECKING:
    from benchmark.plugins import Array, Metric

LENGTH = "length"
"""A part of the test side by the length of its references, where `meta` has no such field."""

Ids = Collection[str] | None
"""Examples that are looked at; None: all."""


def restricted(table: Scored, metric: str, candidates: Sequence[str], ids: Ids) -> Scored:
    """Return a table of one metric, of some candidates, on some examples."""
    scores = {
        (who, metric): [
            row for row in table.scores[who, metric] if ids is None or row.example_id in ids
        ]
        for who in candidates
        if (who, metric) in table.scores
    }
    labels = {at: text for at, text in table.labels.items() if at[0] == metric}
    return Scored({metric: table.metrics[metric]}, labels, scores, table.groups)


def parts(examples: Sequence[Example], where: Mapping[str, str], by: str | None) -> dict[str, Ids]:
    """Return the parts of the test side that a gate judges: "code=travail" -> its examples.

    Without `where` and `by` that is "" -> None: all. A value that no example has gives a
    part without examples.
    """
    if not where and by is None:
        return {"": None}
    sizes = sorted(map(_size, examples))
    ends = (sizes[len(sizes) // 3], sizes[2 * len(sizes) // 3]) if sizes else (0, 0)
    fields = {row.id: {LENGTH: _length(row, ends), **row.meta} for row in examples}
    kept = [
        name
        for name, mine in fields.items()
        if all(mine.get(key) == value for key, value in where.items())
    ]
    head = ", ".join(f"{key}={value}" for key, value in where.items())
    if by is None:
        return {head: set(kept)}
    found: dict[str, set[str]] = {}
    for name in kept:
        if by in fields[name]:
            found.setdefault(fields[name][by], set()).add(name)
    return {
        ", ".join(filter(None, (head, f"{by}={value}"))): ids
        for value, ids in sorted(found.items())
    }


def margin(
    table: Scored, pair: tuple[str, str], label: str, times: float, draws: tuple[int, int]
) -> tuple[Comparison, float | None, float | None]:
    """Return `mine - times · theirs` with its interval, over the examples that both answered.

    Args:
        table: Of one metric; both candidates are in it.
        pair: Mine and theirs.
        label: The number.
        times: The factor.
        draws: Seed and count of the resamples.

    Returns:
        The margin as a comparison, then both values; None for what is undefined.
    """
    import numpy as np

    (name,) = table.metrics
    metric = table.metrics[name]
    infos = metric.infos()
    at = next(at for at, info in enumerate(infos) if table.labels[name, info.name] == label)
    mine, theirs = (table.answered(who, name) for who in pair)
    shared = [example for example in mine if example in theirs]
    size = len(next(iter(mine.values()), ()))

    def values(totals: Array) -> Array:
        one, other = metric.values(totals[..., :size]), metric.values(totals[..., size:])
        both = one[..., at], other[..., at]
        return np.stack([both[0] - times * both[1], *both], axis=-1)

    numbers: list[float | None] = [None] * 5
    if shared:
        rows = np.array([[*mine[example], *theirs[example]] for example in shared], float)
        found = bootstrap(rows, values, table.clusters(shared), draws[1], draws[0])
        ends = [found.value[0], found.low[0], found.high[0], found.value[1], found.value[2]]
        numbers = [float(end) if np.isfinite(end) else None for end in ends]
    row = Comparison(
        candidate=pair[0],
        baseline=pair[1],
        score=label,
        difference=numbers[0],
        low=numbers[1],
        high=numbers[2],
        p=None,
        n=len(shared),
        higher_is_better=infos[at].higher_is_better,
        test=f"bootstrap of mine - {times:g} × theirs, {draws[1]} resamples, seed {draws[0]}",
    )
    return row, numbers[3], numbers[4]


def flips(
    table: Scored, pair: tuple[str, str], label: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the examples that score worse, and better, than the other side's: largest first."""
    (name,) = table.metrics
    info = next(
        info for info in table.metrics[name].infos() if table.labels[name, info.name] == label
    )
    mine, theirs = (
        {
            row.example_id: row.values[info.name]
            for row in table.scores.get((who, name), ())
            if info.name in row.values
        }
        for who in pair
    )
    if info.higher_is_better is None:
        return (), ()  # a number that only describes has no better and worse
    sign = 1 if info.higher_is_better else -1
    changes = {
        example: sign * (mine[example] - theirs[example]) for example in mine if example in theirs
    }
    # Sorting keeps the order of the test side among equal changes.
    ordered = sorted(changes, key=changes.__getitem__)
    worse = [example for example in ordered if changes[example] < 0]
    better = [example for example in sorted(changes, key=lambda name: -changes[name])]
    return tuple(worse), tuple(example for example in better if changes[example] > 0)


def with_opinions(
    table: Scored,
    verdicts: Mapping[tuple[str, str], Sequence[Verdict]],
    signatures: Mapping[str, str],
    examples: Sequence[Example],
) -> Scored:
    """Return the table with each judge as one more metric, called "judge NAME".

    Args:
        table: The scores.
        verdicts: (candidate, judge) -> one verdict an answered example.
        signatures: Of the judges.
        examples: The test side; one that has no opinion counts as missing.
    """
    metrics: dict[str, Metric] = dict(table.metrics)
    labels, scores = dict(table.labels), dict(table.scores)
    for (candidate, judge), rows in verdicts.items():
        name = JUDGE + judge
        metric = Opinion(name, signatures.get(judge, ""))
        metrics[name], labels[name, name] = metric, name
        known = opinions_by_example(rows)
        scores[candidate, name] = [
            score_of(
                example.id,
                candidate,
                name,
                (known[example.id], 1.0) if example.id in known else None,
                metric,
            )
            for example in examples
        ]
    return Scored(metrics, labels, scores, table.groups)


def score_of(
    example: str, candidate: str, name: str, stats: tuple[float, ...] | None, metric: Metric
) -> Score:
    """Return the record of an example's statistics, with its scores."""
    values: dict[str, float] = {}
    if stats is not None:
        import numpy as np

        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.asarray(metric.values(np.asarray(stats, dtype=np.float64)))
        pairs = zip(metric.infos(), found.tolist(), strict=True)
        values = {info.name: value for info, value in pairs if np.isfinite(value)}
    return Score(example_id=example, candidate=candidate, metric=name, stats=stats, values=values)


def _length(example: Example, ends: tuple[int, int]) -> str:
    size = _size(example)
    return "short" if size < ends[0] else "medium" if size < ends[1] else "long"


def _size(example: Example) -> int:
    return len(example.references[0] if example.references else example.question)
