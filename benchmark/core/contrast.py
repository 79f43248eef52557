"""Two finished runs compared: first what differs in how they were made, then their numbers.

Pairs are the examples that both asked in the same words. A number that was measured in two
ways is not compared unless it is forced, and is marked then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmark.contrast import Changed, Contrast, ContrastRow, Flip
from benchmark.core.compare import Scored, compare
from benchmark.core.gate_table import flips
from benchmark.core.regate import Run
from benchmark.errors import ConfigError, DataError
from benchmark.records import Example, Score
from benchmark.samples import first

MISSING = "–"
LONGEST = 200
"""Characters of a value of the suite that are shown."""


def contrast(
    left: Run, right: Run, pairs: Mapping[str, str] | None = None, *, force: bool = False
) -> Contrast:
    """Compare two runs.

    Args:
        left: What is compared with.
        right: What is compared.
        pairs: Candidate of the left run -> of the right one; None: those of the same name.
        force: Compare numbers of different signatures, too.

    Raises:
        DataError: They share no example.
        ConfigError: They share no candidate, or a pair names one that is not there.
    """
    pairs = pairs or {
        card.name: card.name
        for card in left.results.candidates
        if card.kind == "model" and card.name in {one.name for one in right.results.candidates}
    }
    _check(pairs, left, right)
    old, new = ({row.id: row for row in run.examples} for run in (left, right))
    common = [name for name in new if name in old]
    shared = [name for name in common if _asked(old[name]) == _asked(new[name])]
    if not shared:
        raise DataError(
            f"{left.results.run_id} and {right.results.run_id} share no example",
            hint="they asked other questions, so nothing can be paired",
        )
    rows: list[ContrastRow] = []
    found: list[Flip] = []
    for one, other in pairs.items():
        for metric in right.table.metrics:
            for row, table in _rows(left, right, (one, other), metric, (shared, force)):
                rows.append(row)
                if table is not None and _is_listed(row, right, table):
                    found += _flips(left, right, (one, other), row, table)
    return Contrast(
        left=left.results.run_id,
        right=right.results.run_id,
        left_suite=left.results.suite,
        right_suite=right.results.suite,
        shared=len(shared),
        only_left=len(old) - len(common),
        only_right=len(new) - len(common),
        edited=len(common) - len(shared),
        changed=tuple(changes(left, right, pairs)),
        rows=tuple(rows),
        flips=tuple(found),
        forced=force,
    )


def changes(left: Run, right: Run, pairs: Mapping[str, str]) -> Iterator[Changed]:
    """Yield everything that two runs do not have in common, data first."""
    one, other = left.results, right.results
    fields = ("name", "signature", "kept", "train", "validation", "test")
    hashes = ("train_sha256", "test_sha256")
    yield from _differing(
        "data",
        {name: getattr(one.dataset, name) for name in (*fields, *hashes)},
        {name: getattr(other.dataset, name) for name in (*fields, *hashes)},
    )
    for mine, theirs in pairs.items():
        cards = [
            next(card for card in results.candidates if card.name == name)
            for results, name in ((one, mine), (other, theirs))
        ]
        name = mine if mine == theirs else f"{mine} → {theirs}"
        facts = ("description", "backend", "fingerprint", "answered", "failed")
        before, after = ({fact: getattr(card, fact) for fact in facts} for card in cards)
        yield from _differing(f"candidate {name}", before, after)
    yield from _differing("suite", _flat(left), _flat(right))
    yield from _differing(
        "metric",
        {row.metric: row.signature for row in one.scores},
        {row.metric: row.signature for row in other.scores},
    )
    where = ("python", "platform", "device", "dtype", "commit", "dirty")
    yield from _differing(
        "environment",
        {name: getattr(one.environment, name) for name in where} | dict(one.environment.versions),
        {name: getattr(other.environment, name) for name in where}
        | dict(other.environment.versions),
    )


def _check(pairs: Mapping[str, str], left: Run, right: Run) -> None:
    if not pairs:
        raise ConfigError(
            f"{left.results.run_id} and {right.results.run_id} share no candidate",
            hint="say which ones belong together: --pair A=B",
        )
    for names, run in ((pairs.keys(), left), (pairs.values(), right)):
        known = [card.name for card in run.results.candidates]
        for name in names:
            if name not in known:
                what = f"{run.results.run_id} has no candidate {name!r}"
                raise ConfigError(what, hint=f"known: {', '.join(known)}")


def _rows(
    left: Run, right: Run, pair: tuple[str, str], metric: str, how: tuple[Sequence[str], bool]
) -> Iterator[tuple[ContrastRow, Scored | None]]:
    """Yield each number of a metric, with the table behind it where it was compared."""
    shared, force = how
    name = pair[0] if pair[0] == pair[1] else f"{pair[0]} → {pair[1]}"
    mine = _kept(right, pair[1], metric, "right", shared)
    theirs = _kept(left, pair[0], metric, "left", shared)
    table = Scored(
        {metric: right.table.metrics[metric]},
        {at: label for at, label in right.table.labels.items() if at[0] == metric},
        {("right", metric): mine, ("left", metric): theirs},
        right.table.groups,
    )
    problem = _problem(left, right, metric, (theirs, mine))
    can = not problem or (force and _fits(theirs, mine))
    infos = right.table.metrics[metric].infos()
    found = compare(table, "left", seed=right.suite.seed, resamples=right.suite.resamples)
    for info, row in zip(infos, found, strict=True) if can else ():
        values = [_value(table, who, metric, row.score) for who in ("left", "right")]
        yield (
            ContrastRow(
                candidate=name,
                score=row.score,
                left=values[0],
                right=values[1],
                difference=row.difference,
                low=row.low,
                high=row.high,
                p=row.p,
                n=row.n,
                shared=len(shared),
                higher_is_better=info.higher_is_better,
                problem=problem,
            ),
            table,
        )
    for info in () if can else infos:
        bare = dict.fromkeys(("left", "right", "difference", "low", "high", "p"))
        yield (
            ContrastRow(
                candidate=name,
                score=right.table.labels[metric, info.name],
                **bare,
                n=0,
                shared=len(shared),
                higher_is_better=info.higher_is_better,
                problem=problem,
            ),
            None,
        )


def _kept(run: Run, who: str, metric: str, name: str, shared: Sequence[str]) -> list[Score]:
    rows = {row.example_id: row for row in run.table.scores.get((who, metric), ())}
    return [
        rows[example].model_copy(update={"candidate": name})
        for example in shared
        if example in rows
    ]


def _problem(left: Run, right: Run, metric: str, sides: tuple[list[Score], list[Score]]) -> str:
    """Return why a metric of two runs is not one metric; "" if it is."""
    if metric not in left.table.metrics:
        return f"{left.results.run_id} has no {metric}"
    before = {row.metric: row.signature for row in left.results.scores}.get(metric)
    after = {row.metric: row.signature for row in right.results.scores}.get(metric)
    if before != after:
        return f"measured differently: {before} there, {after} here"
    return "" if all(sides) else "one of the two could not run"


def _fits(one: Sequence[Score], other: Sequence[Score]) -> bool:
    sizes = {len(row.stats) for rows in (one, other) for row in rows if row.stats is not None}
    return bool(one) and bool(other) and len(sizes) == 1


def _value(table: Scored, who: str, metric: str, label: str) -> float | None:
    """Return one side's number over the examples that both answered."""
    import numpy as np

    sides = {name: table.answered(name, metric) for name in ("left", "right")}
    rows = [sides[who][name] for name in sides["left"] if name in sides["right"]]
    if not rows:
        return None
    found = table.metrics[metric]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.asarray(found.values(np.asarray(rows, dtype=np.float64).sum(axis=0)))
    labels = [table.labels[metric, info.name] for info in found.infos()]
    value = float(values[labels.index(label)])
    return value if np.isfinite(value) else None


def _is_listed(row: ContrastRow, right: Run, table: Scored) -> bool:
    """List the flips of the primary number and of every yes/no one."""
    if row.score == right.results.primary:
        return True
    names = {label: at[1] for at, label in table.labels.items()}
    seen = {
        score.values[names[row.score]]
        for rows in table.scores.values()
        for score in rows
        if names[row.score] in score.values
    }
    return seen <= {0.0, 1.0}


def _flips(
    left: Run, right: Run, pair: tuple[str, str], row: ContrastRow, table: Scored
) -> Iterator[Flip]:
    info = next(at[1] for at, label in table.labels.items() if label == row.score)
    values = {
        (who, score.example_id): score.values[info]
        for (who, _), rows in table.scores.items()
        for score in rows
        if info in score.values
    }
    texts = [
        {one.example_id: one.text or "" for one in first(run.generations.get(who, ()))}
        for run, who in ((left, pair[0]), (right, pair[1]))
    ]
    examples = {example.id: example for example in right.examples}
    worse, better = flips(table, ("right", "left"), row.score)
    for names, is_better in ((worse, False), (better, True)):
        for name in names:
            example = examples[name]
            yield Flip(
                candidate=row.candidate,
                score=row.score,
                example_id=name,
                question=example.question,
                reference=example.references[0] if example.references else "",
                left=values["left", name],
                right=values["right", name],
                left_text=texts[0].get(name, ""),
                right_text=texts[1].get(name, ""),
                is_better=is_better,
            )


def _asked(example: Example) -> Any:
    return example.model_dump(mode="json", include={"prompt", "references"})


def _flat(run: Run) -> dict[str, Any]:
    """Return the suite as dotted keys, without what is shown elsewhere."""
    found: dict[str, Any] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict) and value:
            for name, item in value.items():
                walk(item, f"{path}.{name}" if path else str(name))
        else:
            found[path] = value

    walk(run.suite.model_dump(mode="json", exclude={"reports", "executor"}), "")
    return found


def _differing(part: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Changed]:
    for name in dict.fromkeys((*one, *other)):
        left, right = one.get(name), other.get(name)
        if left != right:
            yield Changed(part=part, name=name, left=_text(left), right=_text(right))


def _text(value: Any) -> str:
    if value is None:
        return MISSING
    text = str(value)
    # Hashes are cut to what tells them apart.
    text = text[:12] if len(text) in (32, 40, 64) and text.isalnum() else text
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
