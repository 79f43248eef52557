"""From examples to token rows whose loss is on the answers alone.

What an answer is learned behind is what `Template.encode` gives for the turns before it, which
is what generation sends. In a conversation of several turns that is checked for each answer:
where a template writes earlier turns in another way than it wrote them when they were the last
(it strips them, or the tokenizer merges across the seam), each answer becomes a row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from benchmark.prompts import Template
from benchmark.records import Example

IGNORED = -100
"""The label that torch's cross entropy leaves out."""


class Rows(NamedTuple):
    """Token rows for the trainer, and what truncation did to them."""

    rows: list[dict[str, list[int]]]
    """`input_ids` and `labels`, of equal length. A label is what should stand at its place, and
    not always what does: behind an earlier answer the end of turn is learned, whatever the
    template writes there."""
    truncated: int
    """Rows whose answer was cut."""
    without_loss: int
    """Rows left out because no answer token was left to learn from."""
    tokens: int
    """Tokens in all rows, without padding."""
    ids: list[str]
    """For each row, the id of its example."""
    split: int
    """Conversations that became one row for each answer, because of their template."""
    windowed: int
    """Texts longer than a row, which became several."""


class _Row(NamedTuple):
    ids: list[int]
    labels: list[int]


def tokenise(
    examples: Sequence[Example],
    template: Template,
    tokenizer: Any,
    max_length: int,
    *,
    objective: Literal["sft", "text"] = "sft",
    learn: Literal["assistant", "last"] = "assistant",
) -> Rows:
    """Return rows of prompt and answer, the prompt's labels ignored.

    The prompt's ids come from the very call that generation makes, and the answer's are put
    behind them as ids: a tokenizer that would merge the two across the seam cannot, so the
    model is trained on exactly what it will be asked. The end of turn is learned too, or the
    model would never stop.

    An example without a prompt is running text: all of it is learned, without a template
    around it, and an end of text behind it. It is never cut: a longer one becomes several rows.

    Args:
        examples: The last reference turn is the first of `references`.
        template: The candidate's template.
        tokenizer: The base model's.
        max_length: Longest row in tokens; longer ones lose their end.
        objective: text: the references are running text, whatever they were asked by.
        learn: Whether the prompt's own answers are learned too. Only those that follow a turn
            of the user: generation never answers to anything else.
    """
    rows: list[_Row] = []
    ids: list[str] = []
    truncated = without_loss = split = windowed = 0
    for example in examples:
        if not example.references:
            without_loss += 1
            continue
        if objective == "text" or not example.prompt:
            found = _windows(_text(example.references[0], tokenizer), max_length)
            windowed += len(found) > 1
        else:
            whole = _conversation(example, template, tokenizer, learn)
            split += len(whole) > 1
            truncated += sum(len(row.ids) > max_length for row in whole)
            found = [_cut(row, max_length) for row in whole]
        # The first token of a row has none before it that could predict it.
        kept = [row for row in found if any(label != IGNORED for label in row.labels[1:])]
        without_loss += len(found) - len(kept)
        rows += kept
        ids += [example.id] * len(kept)
    return Rows(
        rows=[{"input_ids": row.ids, "labels": row.labels} for row in rows],
        truncated=truncated,
        without_loss=without_loss,
        tokens=sum(len(row.ids) for row in rows),
        ids=ids,
        split=split,
        windowed=windowed,
    )


def _conversation(
    example: Example, template: Template, tokenizer: Any, learn: Literal["assistant", "last"]
) -> list[_Row]:
    """Return one row that learns all answers, or one for each where the template needs it."""
    turns = example.prompt
    prompt = template.encode(turns, tokenizer)
    answer = template.encode_answer(example.references[0], tokenizer)
    earlier = []
    if learn == "assistant":
        earlier = [
            (
                template.encode(turns[:at], tokenizer),
                template.encode_answer(turns[at].content, tokenizer),
            )
            for at in range(1, len(turns))
            if (turns[at - 1].role, turns[at].role) == ("user", "assistant")
        ]
    if not _holds(prompt, earlier):
        return [_row(*pair) for pair in (*earlier, (prompt, answer))]
    row = _row(prompt, answer)
    for before, said in earlier:
        row.labels[len(before) : len(before) + len(said)] = said
    return [row]


def _holds(prompt: list[int], earlier: Sequence[tuple[list[int], list[int]]]) -> bool:
    """Tell whether a prompt holds its answers just where generation would have put them."""
    end = 0
    for before, said in earlier:
        asked = [*before, *said[:-1]]  # a template may end the turn by another token, or by none
        if len(before) < end or len(asked) >= len(prompt) or prompt[: len(asked)] != asked:
            return False
        end = len(asked) + 1
    return True


def _row(prompt: list[int], answer: list[int]) -> _Row:
    return _Row(prompt + answer, [IGNORED] * len(prompt) + answer)


def _cut(row: _Row, length: int) -> _Row:
    """Return a row without its end, and without what would then teach nothing at its end."""
    labels = row.labels[:length]
    while labels and labels[-1] == IGNORED:
        labels.pop()
    return _Row(row.ids[: len(labels)], labels)


def _text(text: str, tokenizer: Any) -> list[int]:
    """Return a text's tokens as pre-training saw them: special ones, and an end of text."""
    # Not verbose: a text longer than the model's window is what windows are for.
    ids: list[int] = tokenizer(text, verbose=False)["input_ids"]
    return ids if ids[-1:] == [tokenizer.eos_token_id] else [*ids, tokenizer.eos_token_id]


def _windows(ids: list[int], length: int) -> list[_Row]:
    """Cut a text into rows, each of which begins with the last token of the one before.

    That token is not learned again: it is there to predict the next one, so that every token
    of the text but the first is predicted, and once.
    """
    rows = [_Row(ids[:length], ids[:length])]
    for start in range(length - 1, len(ids) - 1, length - 1):
        window = ids[start : start + length]
        rows.append(_Row(window, [IGNORED, *window[1:]]))
    return rows
