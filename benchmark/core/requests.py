"""What each candidate is asked: its prompts, and the key of its answers in the cache."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.core.plan import CandidatePlan, Plan
from benchmark.core.state import Adapter, Data
from benchmark.errors import DataError
from benchmark.keys import code_version, key
from benchmark.plugins import Request
from benchmark.progress import Progress
from benchmark.records import Example, Message
from benchmark.suite import FewShot


@dataclass(frozen=True, slots=True)
class Job:
    """What one candidate has to answer, with the key of its answers in the cache."""

    candidate: CandidatePlan
    requests: Sequence[Request]
    adapter: Adapter | None
    fingerprint: str
    key: str


def job_of(
    plan: Plan,
    data: Data,
    candidate: CandidatePlan,
    adapter: Adapter | None,
    progress: Progress,
) -> Job:
    """Return a candidate's prompts, few-shot examples included, and the key of its answers."""
    few = candidate.spec.few_shot
    before = shots(data.train, few, plan.suite.seed) if few else ()
    requests = [
        Request(
            example_id=example.id,
            messages=(*before, *example.prompt),
            template=candidate.template,
            references=example.references if candidate.is_control else (),
        )
        for example in data.test
    ]
    weights = candidate.backend.fingerprint(progress)
    name = key(
        weights=weights,
        adapter=adapter.sha256 if adapter else None,
        decoding=candidate.decoding.model_dump(mode="json"),
        template=candidate.template.model_dump(),
        prompts=[[turn.model_dump() for turn in request.messages] for request in requests],
        references=[list(request.references) for request in requests],
        ids=[request.example_id for request in requests],
        code=code_version("benchmark.prompts"),
    )
    fingerprint = key(weights=weights, adapter=adapter.sha256 if adapter else None)
    return Job(candidate, requests, adapter, fingerprint, name)


def shots(train: Sequence[Example], spec: FewShot, seed: int) -> tuple[Message, ...]:
    """Return k solved train examples as turns of a conversation, the same for each question.

    Chosen by the seed among the rows whose answer is short enough; never from the test side.

    Raises:
        DataError: Fewer than k rows are short enough: a candidate called few-shot that shows
            none would be the base under another name.
    """
    short = [
        example
        for example in sorted(train, key=lambda row: row.id)
        if example.prompt and example.references and len(example.references[0]) <= spec.max_chars
    ]
    if len(short) < spec.k:
        raise DataError(
            f"{len(short)} of {len(train)} train rows have an answer of at most {spec.max_chars} "
            f"characters, and few_shot asks for {spec.k}",
            hint="raise few_shot.max_chars or the train side of `split:`",
        )
    chosen = random.Random(seed).sample(short, spec.k)
    return tuple(
        turn
        for example in chosen
        for turn in (
            *example.prompt,
            Message(role="assistant", content=example.references[0]),
        )
    )
