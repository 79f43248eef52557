"""Scripted judges and a small run for them: no model, no network."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from benchmark import load_suite, make_plan
from benchmark.core.plan import Plan
from benchmark.core.state import Answers
from benchmark.keys import key
from benchmark.plugins import JudgeItem
from benchmark.progress import Progress
from benchmark.records import Example, Generation, Message, Verdict, Vote

Say = Callable[..., Any]


@dataclass
class Scripted:
    """A judge that says what a function says of the shown texts; `votes` may be given too."""

    say: Say
    arity: int = 1
    name: str = "scripted"
    scale: Any = None
    passes: Any = None
    votes: Callable[..., tuple[Vote, ...]] | None = None
    asked: list[tuple[str | None, ...]] = field(default_factory=list)

    @property
    def signature(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        return key(name=self.name)

    def judge(self, items: Sequence[JudgeItem], progress: Progress) -> list[Verdict]:
        rows = []
        for item in items:
            texts = tuple(row.text for row in item.generations)
            self.asked.append(texts)
            rows.append(
                Verdict(
                    example_id=item.example.id,
                    judge=self.signature,
                    candidates=tuple(row.candidate for row in item.generations),
                    value=self.say(item.example, *texts),
                    votes=self.votes(item.example, *texts) if self.votes else (),
                )
            )
        return rows


def examples(count: int, per_group: int = 1, references: bool = True) -> list[Example]:
    return [
        Example(
            id=f"e{at}",
            prompt=(Message(role="user", content=f"Que dit l'article L{at}-1 ?"),),
            references=(f"Le jardinier {at} ferme le puits.",) if references else (),
            group=f"g{at // per_group}",
        )
        for at in range(count)
    ]


def answers(rows: Sequence[Example], **texts: Say) -> dict[str, Answers]:
    """Return answers by candidate: what each function says of an example; None is a failure."""
    found = {}
    for name, say in texts.items():
        generations = [
            Generation(
                example_id=row.id,
                candidate=name,
                text=(text := say(row)),
                error=None if text is not None else "broke",
            )
            for row in rows
        ]
        found[name] = Answers(generations, fingerprint=name, computed=True)
    return found


def plan(folder: Any, judges: dict[str, Scripted], **settings: Any) -> Plan:
    """Return the plan of a suite of controls, with these judges put in."""
    (folder / "rows.jsonl").write_text(json.dumps({"prompt": "?", "reference": "!"}) + "\n")
    suite = {
        "suite": "jardin",
        "dataset": {"use": "jsonl", "path": str(folder / "rows.jsonl")},
        "backend": "echo",
        "candidates": {"base": None, "other": {"backend": "shuffled"}},
        "baseline": "base",
        "metrics": {"exact_match": None},
        "judges": {name: {"use": "fixed"} for name in judges},
        "resamples": 300,
        **settings,
    }
    path = folder / "jardin.yaml"
    path.write_text(yaml.safe_dump(suite))
    return replace(make_plan(load_suite(path)), judges=dict(judges))
