"""Do answers depend on their batch? Some of them made again alone, and compared.

In 16 bits a sum depends on its order, and the order on the shape of the batch: an answer can turn
at a token where two were nearly even. In float32 that is not seen; how often it happens here is
measured, not promised.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.core.requests import Job
from benchmark.errors import CandidateError
from benchmark.plugins import Model
from benchmark.progress import Progress
from benchmark.records import Effort, Generation


def checked(
    model: Model, job: Job, made: Sequence[Generation], effort: Effort, progress: Progress
) -> Effort:
    """Return what answering took, with how many of the checked answers are the same alone.

    Args:
        model: Open, with the candidate's adapter on.
        job: What was asked; its decoding says how many answers to check.
        made: The answers.
        effort: What they took.
        progress: Where it shows itself. A check that fails is told, and costs no answer.
    """
    decoding = job.candidate.decoding
    texts = {(row.example_id, row.sample): row.text for row in made if row.text is not None}
    asked = [one for one in job.requests if (one.example_id, one.sample) in texts]
    count = min(decoding.check_batching, len(asked))
    if not count:
        return effort
    chosen = [asked[at * len(asked) // count] for at in range(count)]
    name, compared, same = job.candidate.name, 0, 0
    total = count * decoding.max_new_tokens
    with progress.step(f"{name}: {count} answers alone", total=total, unit="tok") as tick:
        for request in chosen:
            try:
                (reply,) = model.generate([request], decoding, tick)
            except (CandidateError, ValueError, RuntimeError, MemoryError) as error:
                progress.say(f"{name}: check of batching: {' '.join(str(error).split())[:300]}")
                break
            if reply.text is not None:
                compared += 1
                same += reply.text == texts[request.example_id, request.sample]
    return effort.model_copy(update={"checked": compared, "same": same})
