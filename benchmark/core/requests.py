"""What each candidate is asked: its prompts, and the key of its answers in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmark import four_bits
from benchmark.core.plan import CandidatePlan, Plan
from benchmark.core.state import Adapter, Data
from benchmark.keys import code_version, key
from benchmark.plugins import Request
from benchmark.progress import Progress
from benchmark.retrieval.few_shot import shots


@dataclass(frozen=True, slots=True)
class Job:
    """What one candidate has to answer, with the key of its answers in the cache."""

    candidate: CandidatePlan
    requests: Sequence[Request]
    """By example, and for each by sample: equal prompts stand together."""
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
    """Return a candidate's prompts, with solved examples and passages, and its answers' key."""
    few, test = candidate.spec.few_shot, data.sides(candidate.name).test
    # The questions as the data set asks them: passages that were found are no part of them.
    before = shots(data.train, data.test, few, plan.suite.seed) if few else [()] * len(test)
    once = [
        Request(
            example_id=example.id,
            messages=(*solved, *example.prompt),
            template=candidate.template,
            references=example.references if candidate.is_control else (),
        )
        for example, solved in zip(test, before, strict=True)
    ]
    count = candidate.decoding.samples
    requests = [replace(request, sample=at) for request in once for at in range(count)]
    weights, worn = candidate.backend.fingerprint(progress), _worn(adapter)
    name = key(
        weights=weights,
        adapter=worn,
        decoding=candidate.decoding.model_dump(mode="json", exclude={"samples", "check_batching"}),
        template=candidate.template.model_dump(),
        prompts=[[turn.model_dump() for turn in request.messages] for request in once],
        references=[list(request.references) for request in once],
        ids=[request.example_id for request in once],
        # Named only where there are several: the keys of single answers stay what they were.
        **({"samples": count} if count > 1 else {}),
        code=code_version("benchmark.prompts"),
    )
    fingerprint = key(weights=weights, adapter=worn)
    return Job(candidate, requests, adapter, fingerprint, name)


def first_of(job: Job) -> Job:
    """Return a job with each prompt once."""
    return replace(job, requests=[request for request in job.requests if not request.sample])


def _worn(adapter: Adapter | None) -> str | None:
    """Return what an adapter makes of a base; one that answers on 4 bits is another model."""
    if adapter is None:
        return None
    coarse = four_bits.trained_in(adapter.path)
    return adapter.sha256 if coarse is None else f"{adapter.sha256} on nf4 {coarse}"
