"""From examples to token rows whose loss is on the answer alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmark.prompts import Template
from benchmark.records import Example

IGNORED = -100
"""The label that torch's cross entropy leaves out."""


class Rows(NamedTuple):
    """Token rows for the trainer, and what truncation did to them."""

    rows: list[dict[str, list[int]]]
    """`input_ids` and `labels`, of equal length."""
    truncated: int
    """Rows whose answer was cut."""
    without_loss: int
    """Rows left out because no answer token was left to learn from."""
    tokens: int
    """Tokens in all rows, without padding."""
    ids: list[str]
    """The id of each row's example."""


def tokenise(
    examples: Sequence[Example], template: Template, tokenizer: Any, max_length: int
) -> Rows:
    """Return rows of prompt and answer, the prompt's labels ignored.

    The prompt's ids come from the very call that generation makes, and the answer's are put
    behind them as ids: a tokenizer that would merge the two across the seam cannot, so the
    model is trained on exactly what it will be asked. The end of turn is learned too, or the
    model would never stop.

    Args:
        examples: The last reference turn is the first of `references`.
        template: The candidate's template.
        tokenizer: The base model's.
        max_length: Longest row in tokens; longer ones lose their end.
    """
    rows: list[dict[str, list[int]]] = []
    ids: list[str] = []
    truncated = without_loss = 0
    for example in examples:
        if not example.references:
            without_loss += 1
            continue
        # Plain text has no prompt: all of it is learned, without the template around it.
        prompt = template.encode(example.prompt, tokenizer) if example.prompt else []
        answer = template.encode_answer(example.references[0], tokenizer)
        truncated += len(prompt) + len(answer) > max_length
        kept = answer[: max(0, max_length - len(prompt))]
        if not kept:
            without_loss += 1
            continue
        ids.append(example.id)
        rows.append({"input_ids": prompt + kept, "labels": [IGNORED] * len(prompt) + kept})
    return Rows(rows, truncated, without_loss, sum(len(row["input_ids"]) for row in rows), ids)
