"""What the results say of each candidate, besides its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.core.plan import CandidatePlan, Plan
from benchmark.core.state import Adapter, Answers
from benchmark.errors import CandidateError
from benchmark.records import Generation
from benchmark.results import CandidateSummary

RANKED = ("lora", "rslora", "dora", "qlora")
"""Methods that `r` says much about."""


def candidates(
    plan: Plan, adapters: Mapping[str, Adapter | CandidateError], answers: Mapping[str, Answers]
) -> list[CandidateSummary]:
    """Return one card a candidate, in the suite's order."""
    baseline = answers[plan.suite.baseline].generations
    return [
        _card(candidate, adapters.get(candidate.name), answers[candidate.name], baseline)
        for candidate in plan.candidates
    ]


def complete(plan: Plan, cards: Sequence[CandidateSummary]) -> bool:
    """Tell whether enough answers are there: all, but for the suite's `max_failed` share.

    Controls do not count: `shuffled` has no answer on a test side of one example.
    """
    return all(
        card.error is None and card.failed <= plan.suite.max_failed * (card.answered + card.failed)
        for card in cards
        if card.kind == "model"
    )


def _card(
    candidate: CandidatePlan,
    adapter: Adapter | CandidateError | None,
    answers: Answers,
    baseline: Sequence[Generation],
) -> CandidateSummary:
    rows = answers.generations
    answered = [row for row in rows if row.text is not None]
    seconds = sum(row.seconds for row in rows)
    tokens = sum(row.tokens_out for row in rows)
    trained = adapter.manifest if isinstance(adapter, Adapter) else None
    return CandidateSummary(
        name=candidate.name,
        kind="control" if candidate.is_control else "model",
        description=candidate.spec.description or _describe(candidate),
        backend=candidate.backend.signature,
        fingerprint=answers.fingerprint,
        answered=len(answered),
        failed=len(rows) - len(answered),
        samples=1 + max((row.sample for row in rows), default=0),
        cut=sum(row.finish == "length" for row in answered),
        changed=None if rows is baseline else _changed(rows, baseline),
        tokens_in=sum(row.tokens_in for row in rows),
        tokens_out=tokens,
        seconds=round(seconds, 2),
        tokens_per_second=round(tokens / seconds, 1) if tokens and seconds else None,
        cost=sum(row.cost for row in rows),
        training=trained,
        effort=answers.effort,
        error=answers.error,
    )


def _describe(candidate: CandidatePlan) -> str:
    spec, name = candidate.spec, candidate.backend.describe()
    if spec.train:
        rank = f" r={spec.train.r}" if spec.train.method.lower() in RANKED else ""
        name = f"{spec.train.method}{rank} on {name}"
    elif spec.adapter:
        name = f"adapter {spec.adapter} on {name}"
    shown = []
    if spec.few_shot:
        how = {"seed": "", "similarity": " that ask alike", "fixed": " chosen by hand"}
        shown.append(f"{spec.few_shot.k} solved examples{how[spec.few_shot.choose]}")
    if spec.retrieval:
        found = spec.retrieval
        shown.append(f"{found.k} passages of {found.documents} found by {found.method}")
    return f"{name}, {' and '.join(shown)} in the prompt" if shown else name


def _changed(rows: Sequence[Generation], baseline: Sequence[Generation]) -> float | None:
    """Return the share of answers that differ from the baseline's; None if none can be compared."""
    texts = {(row.example_id, row.sample): row.text for row in baseline}
    pairs = [
        (mine.text, other)
        for mine in rows
        if mine.text is not None
        and (other := texts.get((mine.example_id, mine.sample))) is not None
    ]
    if not pairs:
        return None
    return sum(mine != other for mine, other in pairs) / len(pairs)
