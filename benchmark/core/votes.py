"""What the votes behind verdicts say of a panel: agreement, independence, steadiness, kinship."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from benchmark.agreement import alpha, effective_votes, flip_rate, kappa, level_of
from benchmark.core.plan import Plan
from benchmark.families import families, models_in
from benchmark.plugins import Judge, Plugin
from benchmark.records import Verdict
from benchmark.results_judges import JudgeAgreement, PairAgreement

ASKED = 0.9
"""A member that was asked of fewer answers than this share was asked for a reason (a third vote
where two disagree): its answers are the hard ones, and would make agreement look worse."""


@dataclass(frozen=True, slots=True)
class Panel:
    """The votes on a judge's verdicts, by member.

    Attributes:
        members: Model and prompt variant, in order of appearance; repeats are one member.
        table: Each member's first vote on each verdict. Shape: (members, verdicts).
        asked: How many of the verdicts each member was asked for, an opinion given or not.
        repeats: For each member and verdict that it was asked for, all of its votes.
        missing: Votes without an opinion.
    """

    members: tuple[str, ...]
    table: list[list[float | None]]
    asked: list[int]
    repeats: list[list[float | None]]
    missing: int

    def regular(self) -> list[int]:
        """Return the places of the members that were asked of nearly all answers."""
        most = max(self.asked, default=0)
        return [at for at, count in enumerate(self.asked) if count >= ASKED * most]


def panel(verdicts: Sequence[Verdict]) -> Panel | None:
    """Return who voted what; None where nothing was voted on."""
    votes: list[dict[str, list[tuple[int, float | None]]]] = []
    for verdict in verdicts:
        of: dict[str, list[tuple[int, float | None]]] = {}
        for vote in verdict.votes:
            name, repeat = member_of(vote.member)
            of.setdefault(name, []).append((repeat, vote.value))
        votes.append(of)
    members = tuple(dict.fromkeys(name for of in votes for name in of))
    if not members:
        return None
    ordered = [
        {name: [value for _, value in sorted(given, key=lambda one: one[0])]}
        for of in votes
        for name, given in of.items()
    ]
    return Panel(
        members=members,
        table=[[_first(of.get(name)) for of in votes] for name in members],
        asked=[sum(name in of for of in votes) for name in members],
        repeats=[values for one in ordered for values in one.values()],
        missing=sum(vote.value is None for verdict in verdicts for vote in verdict.votes),
    )


def member_of(name: str) -> tuple[str, int]:
    """Return member and repeat of a vote's "model/variant/repeat"."""
    head, _, tail = name.rpartition("/")
    return (head, int(tail)) if head and tail.isdecimal() else (name, 1)


def agreement(judge: str, verdicts: Sequence[Verdict]) -> JudgeAgreement | None:
    """Return how the votes behind a judge's verdicts on candidates agree; None without votes."""
    # A judge may say that it asked some members only because others disagreed.
    voted = [row for row in verdicts if row.votes and getattr(row, "full", True)]
    found = panel(voted)
    if found is None:
        return None
    level = level_of([value for row in found.table for value in row])
    regular = [found.table[at] for at in found.regular()]
    worth = effective_votes(regular) if len(regular) > 1 else None
    flips, of = flip_rate(found.repeats)
    return JudgeAgreement(
        judge=judge,
        members=found.members,
        items=len(voted),
        missing=found.missing,
        level=level,
        alpha=alpha(regular, level) if len(regular) > 1 else None,
        pairs=tuple(
            PairAgreement(
                first=found.members[a],
                second=found.members[b],
                kappa=kappa(found.table[a], found.table[b], level),
                n=_both(found.table[a], found.table[b]),
            )
            for a, b in combinations(range(len(found.members)), 2)
        ),
        effective=worth.effective if worth else None,
        effective_from="votes" if worth else "",
        flip_rate=flips,
        flips_of=of,
    )


def self_preference(
    plan: Plan, judge: Judge, verdicts: Mapping[str, Sequence[Verdict]]
) -> Iterator[str]:
    """Say which of a judge's models are of a candidate's family.

    Args:
        plan: The candidates.
        judge: The judge.
        verdicts: Its verdicts, by candidate; who voted on them tells its models too.
    """
    voters = (vote.member for rows in verdicts.values() for row in rows for vote in row.votes)
    members = list(dict.fromkeys(_model(member_of(name)[0]) for name in voters))
    if not members and isinstance(judge, Plugin):
        members = models_in(judge.model_dump(mode="json"))
    for member in members:
        for family in sorted(families(member)):
            kin = [
                candidate.name
                for candidate in plan.candidates
                if isinstance(candidate.backend, Plugin)
                and any(
                    family in families(model)
                    for model in models_in(candidate.backend.model_dump(mode="json"))
                )
            ]
            if kin:
                shown = member.partition("#")[0].rstrip("/").rpartition("/")[2]
                what = f"{shown} is of the family of {', '.join(kin)} ({family})"
                yield f"{what}: models tend to favour their own kin"


def _model(member: str) -> str:
    """Return the model of a member's "model/variant"."""
    return member.rpartition("/")[0] or member


def _first(values: Sequence[tuple[int, float | None]] | None) -> float | None:
    return min(values, key=lambda one: one[0])[1] if values else None


def _both(a: Sequence[float | None], b: Sequence[float | None]) -> int:
    return sum(x is not None and y is not None for x, y in zip(a, b, strict=True))
