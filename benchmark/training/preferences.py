"""From preference rows to token rows for dpo: one prompt, a chosen answer, a rejected one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmark.errors import CandidateError
from benchmark.prompts import Template
from benchmark.records import Example
from benchmark.training.job import Job


class Pairs(NamedTuple):
    """Token rows for trl's DPOTrainer, and what was left out of them."""

    rows: list[dict[str, list[int]]]
    """`prompt_ids`, `chosen_ids` and `rejected_ids`; each answer stands behind the prompt."""
    truncated: int
    """Rows of which an answer was cut."""
    without_loss: int
    """Rows left out because within the length there are not two answers that differ."""
    unpaired: int
    """Rows left out because they have no question, no answer or no rejected one."""
    tokens: int
    """Tokens in all rows, without padding; the prompt counts for both of its answers."""
    ids: list[str]
    """For each row, the id of its example."""


class Sides(NamedTuple):
    """What is learned, and what is watched."""

    train: Pairs
    validation: Pairs


def sides(job: Job, tokenizer: Any) -> Sides:
    """Return the token rows of a training by preference.

    Args:
        job: What is trained.
        tokenizer: The base model's.

    Raises:
        CandidateError: Training rows have no rejected answer, or none is left to learn from.
    """
    length = job.spec.max_length
    train = pairs(job.train, job.template, tokenizer, length)
    if train.unpaired:
        raise CandidateError(
            f"{train.unpaired} of {len(job.train)} training rows have no rejected answer, "
            "which dpo needs",
            hint="give each row `prompt`, `chosen` and `rejected`, or set train.objective: sft",
        )
    if not train.rows:
        raise CandidateError(
            f"no training row has two different answers within {length} tokens",
            hint="raise train.max_length or the train side of `split:`",
        )
    return Sides(train, pairs(job.validation, job.template, tokenizer, length))


def pairs(
    examples: Sequence[Example], template: Template, tokenizer: Any, max_length: int
) -> Pairs:
    """Return rows of a prompt and its two answers, by the ids that generation sees.

    Args:
        examples: The chosen answer is the first of `references`.
        template: The candidate's template.
        tokenizer: The base model's.
        max_length: Longest prompt with one answer, in tokens; longer answers lose their end.
    """
    rows: list[dict[str, list[int]]] = []
    ids: list[str] = []
    truncated = without_loss = unpaired = 0
    for example in examples:
        if not example.prompt or not example.references or example.rejected is None:
            unpaired += 1
            continue
        prompt = template.encode(example.prompt, tokenizer)
        room = max(0, max_length - len(prompt))
        chosen = template.encode_answer(example.references[0], tokenizer)
        rejected = template.encode_answer(example.rejected, tokenizer)
        truncated += max(len(chosen), len(rejected)) > room
        chosen, rejected = chosen[:room], rejected[:room]
        if chosen == rejected:  # both empty too; equal ones would pull nowhere
            without_loss += 1
            continue
        rows.append({"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected})
        ids.append(example.id)
    return Pairs(
        rows=rows,
        truncated=truncated,
        without_loss=without_loss,
        unpaired=unpaired,
        tokens=sum(
            2 * len(row["prompt_ids"]) + len(row["chosen_ids"]) + len(row["rejected_ids"])
            for row in rows
        ),
        ids=ids,
    )
