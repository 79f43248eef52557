"""What gates look at: numbers of any part of the test side, paired with anybody's.

Everything goes through `compare`, so that a slice, a judge's opinion and an accepted baseline
get the very intervals and tests that the report has for the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import NamedTuple

from benchmark.core.baseline import JUDGE, Baseline, answers_sha256, other_signature
from benchmark.core.compare import Scored, compare, per_cluster, summarise
from benchmark.core.gate_decision import Sample
from benchmark.core.gate_rules import Difference, Value
from benchmark.core.gate_table import Ids, margin, parts, restricted, score_of
from benchmark.core.opinions import Opinion
from benchmark.records import Example, Generation
from benchmark.results import Comparison, JudgeTrust, ScoreSummary
from benchmark.rows.leaks import LeakReport


class Earlier(NamedTuple):
    """A baseline file, or why it cannot be compared with."""

    baseline: Baseline | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a run knows that a gate may ask for.

    Attributes:
        table: Scores by example, with judges' opinions among them (see `with_opinions`).
        summaries: The leaderboard.
        comparisons: Differences from the baseline.
        earlier: By what a gate writes behind `against`; under `NAMED` the one that the command
            names, for gates that write nothing.
        seed: Of the resamples.
        max_failed: Share of answers that may be missing.
    """

    summaries: Sequence[ScoreSummary] = ()
    comparisons: Sequence[Comparison] = ()
    table: Scored = field(default_factory=lambda: Scored({}, {}, {}, {}))
    baseline: str = ""
    examples: Sequence[Example] = ()
    generations: Mapping[str, Sequence[Generation]] = field(default_factory=dict)
    leaks: LeakReport | None = None
    trust: Mapping[str, JudgeTrust] = field(default_factory=dict)
    earlier: Mapping[str, Earlier] = field(default_factory=dict)
    seed: int = 0
    resamples: int = 10_000
    max_failed: float = 0.0

    def value(self, candidate: str, label: str, ids: Ids) -> Value | None:
        """Return one number on some examples; None where the candidate has none at all."""
        row = None
        if ids is None:
            row = next(
                (row for row in self.summaries if (row.candidate, row.score) == (candidate, label)),
                None,
            )
        part = self.table_of(label, [candidate], ids)
        if row is None and part is not None and part.scores:
            rows = summarise(part)
            row = next((row for row in rows if row.score == label), None)
        if row is None:
            return None
        clusters = per_cluster(part).get((candidate, label), []) if part is not None else []
        sample = self._sample(label, row.n, row.n + row.failed)
        return Value(f"{label} of {candidate}", row, sample, clusters)

    def difference(self, candidate: str, other: str, label: str, ids: Ids) -> Difference | None:
        """Return a candidate's difference from another in the same run; None: nothing to compare.

        Answers that either of them lacks count as missing.
        """
        part = self.table_of(label, [candidate, other], ids)
        row = None
        if ids is None and other == self.baseline:
            row = next(
                (
                    row
                    for row in self.comparisons
                    if (row.candidate, row.score) == (candidate, label)
                ),
                None,
            )
        same = self._same_answers(candidate, other, ids)
        return self._difference(part, row, (candidate, other, label), same)

    def since(
        self, candidate: str, baseline: Baseline, label: str, ids: Ids
    ) -> tuple[Difference | None, Scored | None, str]:
        """Return a candidate's difference from itself in an earlier run.

        Returns:
            The difference and the table that it is made from; or why there is none.
        """
        homes = self._homes()
        if label not in homes:
            return None, None, f"{candidate} has no {label}"
        name = homes[label][0]
        metric = self.table.metrics[name]
        problem = other_signature(baseline, name, metric.signature)
        stats = baseline.stats(candidate, name)
        if not problem and not stats:
            problem = f"baseline {baseline.run_id} has no candidate {candidate!r}"
        part = self.table_of(label, [candidate], ids)
        if problem or part is None or not part.scores:
            return None, None, problem or f"{candidate} has no {label}: it could not run"
        other = baseline.name_of(candidate)
        mine = part.scores[candidate, name]
        rows = [
            score_of(row.example_id, other, name, stats.get(row.example_id), metric) for row in mine
        ]
        both = Scored(part.metrics, part.labels, {**part.scores, (other, name): rows}, part.groups)
        now = answers_sha256(self.generations.get(candidate, ()))
        same = candidate in self.generations and (
            now == baseline.candidates[candidate].answers_sha256
        )
        found = self._difference(both, None, (candidate, other, label), same)
        return found, both, ""

    def cost(self, candidate: str, what: str, ids: Ids) -> Value | None:
        """Return the mean price, seconds or tokens of an answer; None where nothing was asked."""
        rows = [
            row
            for row in self.generations.get(candidate, ())
            if ids is None or row.example_id in ids
        ]
        if not rows:
            return None
        spent = {
            "price": [row.cost for row in rows],
            "seconds": [row.seconds for row in rows],
            "tokens": [float(row.tokens_out) for row in rows],
        }[what]
        metric = Opinion(what, higher_is_better=False)
        each: dict[str, list[float]] = {}
        for row, value in zip(rows, spent, strict=True):  # several, where there are samples
            each.setdefault(row.example_id, []).append(value)
        scores = [
            score_of(name, candidate, what, (fmean(values), 1.0), metric)
            for name, values in each.items()
        ]
        table = Scored(
            {what: metric}, {(what, what): what}, {(candidate, what): scores}, self.table.groups
        )
        (found,) = summarise(table)
        name = f"{what} an answer of {candidate}"
        return Value(name, found, Sample(len(each), len(each)))

    def parts(self, where: Mapping[str, str], by: str | None) -> dict[str, Ids]:
        """Return the parts of the test side that a gate judges (see `gate_table.parts`)."""
        return parts(self.examples, where, by)

    def table_of(self, label: str, candidates: Sequence[str], ids: Ids) -> Scored | None:
        """Return one metric of some candidates on some examples; None: no metric gives it."""
        home = self._homes().get(label)
        if home is None:
            return None
        return restricted(self.table, home[0], candidates, ids)

    def margin(
        self, table: Scored, pair: tuple[str, str], label: str, times: float
    ) -> tuple[Comparison, float | None, float | None]:
        """Return `mine - times · theirs` with its interval, mine, and theirs."""
        return margin(table, pair, label, times, (self.seed, self.resamples))

    def _homes(self) -> dict[str, tuple[str, str]]:
        return {label: home for home, label in self.table.labels.items()}

    def _difference(
        self,
        part: Scored | None,
        row: Comparison | None,
        names: tuple[str, str, str],
        same: bool,
    ) -> Difference | None:
        candidate, other, label = names
        if row is None and part is not None and len(part.scores) == 2:
            rows = compare(part, other, seed=self.seed, resamples=self.resamples)
            row = next((row for row in rows if row.score == label), None)
        if row is None:
            return None
        clusters, is_rate, asked = 0, False, row.n
        if part is not None and len(part.scores) == 2:
            (metric,) = part.metrics
            mine, theirs = (part.answered(who, metric) for who in (candidate, other))
            clusters = len(set(part.clusters(name for name in mine if name in theirs)))
            means = per_cluster(part)
            seen = {value for who in (candidate, other) for value in means.get((who, label), ())}
            is_rate = bool(seen) and seen <= {0, 1}
            asked = len(part.scores[candidate, metric])
        else:
            asked += next(
                (
                    one.failed
                    for one in self.summaries
                    if (one.candidate, one.score) == (candidate, label)
                ),
                0,
            )
        sample = self._sample(label, row.n, asked)
        return Difference(f"{label} of {candidate}", row, sample, clusters, is_rate, same)

    def _same_answers(self, candidate: str, other: str, ids: Ids) -> bool:
        sides = [
            [
                (row.example_id, row.text)
                for row in self.generations.get(who, ())
                if ids is None or row.example_id in ids
            ]
            for who in (candidate, other)
        ]
        return bool(sides[0]) and sides[0] == sides[1]

    def _sample(self, label: str, n: int, asked: int) -> Sample:
        home = self._homes().get(label)
        values = [
            row.values[home[1]]
            for (_, metric), rows in self.table.scores.items()
            if home is not None and metric == home[0]
            for row in rows
            if home[1] in row.values
        ]
        # A judge that abstains is no failure of the run: only the worst case counts there.
        tolerated = 1.0 if label.startswith(JUDGE) else self.max_failed
        return Sample(n, asked, min([0.0, *values]), max([1.0, *values]), tolerated)
