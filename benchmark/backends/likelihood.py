"""How likely a causal model finds given texts: log-probabilities, token by token.

The costly thing is not the forward pass but its logits: 4,096 tokens of a vocabulary of
150,000 are 2.5 GB in float32. So the hidden states are kept, and the output layer is applied to
a few positions at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmark.backends.beginnings import alike, behind, can_keep, saved
from benchmark.errors import CandidateError
from benchmark.plugins import Request

if TYPE_CHECKING:
    import torch

TOKENS = 4096
"""Tokens that go through the model at once, padding included."""
SAVED = {"cpu": 0}
"""Tokens that a group of rows has to save to be read on its own. A GPU takes as long for one
small pass as for thousands of tokens more in a large one: there, as many as such a pass has."""
LOGITS = 2**25
"""Logits held at a time, in float32 (128 MB)."""


class Row(NamedTuple):
    """One text as tokens; those from `start` on are scored."""

    ids: list[int]
    start: int


def row_of(request: Request, answer: str, tokenizer: Any, max_tokens: int | None) -> Row:
    """Return an answer's tokens behind its prompt's.

    Args:
        request: The prompt. Without any turns there is none: the answer is running text, begun
            as the tokenizer begins a text, and its first token, which nothing precedes, is not
            scored.
        answer: The text; its end of turn is no part of it.
        tokenizer: The model's.
        max_tokens: The answer is cut there.
    """
    if not request.messages:
        text: list[int] = tokenizer(answer)["input_ids"][:max_tokens]
        return Row(text, 1)
    prompt = request.template.encode(request.messages, tokenizer)
    ids: list[int] = tokenizer(answer, add_special_tokens=False)["input_ids"][:max_tokens]
    return Row(prompt + ids, max(1, len(prompt)))


def loglikelihood(model: Any, rows: Sequence[Row], pad: int) -> list[list[float]]:
    """Return the natural-log probability of each scored token, given all before it.

    Args:
        model: A causal model of transformers, with or without an adapter of PEFT.
        rows: The texts.
        pad: Any token; it is masked.

    Raises:
        CandidateError: One row alone does not fit in memory.
    """
    found: list[list[float]] = [[]] * len(rows)
    # What several rows begin with is computed once: the marks of a judge's scale behind one
    # prompt, its prompts behind one answer.
    read = _behind(model, rows, pad) if can_keep(model) else {}
    for at, line in read.items():
        found[at] = line
    alone = sorted({*range(len(rows))} - {*read})
    for batch in batches([len(rows[at].ids) for at in alone]):
        part = [alone[at] for at in batch]
        scores = _whole_or_halves(model, [rows[at] for at in part], pad)
        for at, score in zip(part, scores, strict=True):
            found[at] = score
    return found


def _behind(model: Any, rows: Sequence[Row], pad: int) -> dict[int, list[float]]:
    """Return the scores of rows that are worth reading behind what they share, by position.

    Nothing where memory runs out on the way: then each is read whole, in ever smaller batches.
    """
    import torch

    least = SAVED.get(model.device.type, TOKENS)
    groups = [group for group in alike(rows) if saved([rows[at] for at in group]) >= least]
    if not groups:
        return {}
    try:
        read = behind(model, [[rows[at] for at in group] for group in groups], pad)
    except (torch.OutOfMemoryError, MemoryError):
        read = None
    if read is None:  # outside the handler, so that the failed attempt's tensors are free
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return {}
    return {
        at: line
        for group, lines in zip(groups, read, strict=True)
        for at, line in zip(group, lines, strict=True)
    }


def batches(lengths: Sequence[int], budget: int = TOKENS) -> list[list[int]]:
    """Return positions, batch by batch, the longest first; each at most `budget` with padding."""
    order = sorted(range(len(lengths)), key=lambda at: (-lengths[at], at))
    made: list[list[int]] = []
    for at in order:
        # The first of a batch is its longest, to which the others are padded.
        if made and lengths[made[-1][0]] * (len(made[-1]) + 1) <= budget:
            made[-1].append(at)
        else:
            made.append([at])
    return made


def _whole_or_halves(model: Any, rows: Sequence[Row], pad: int) -> list[list[float]]:
    import torch

    try:
        return _scores(model, rows, pad)
    except (torch.OutOfMemoryError, MemoryError) as error:
        if len(rows) == 1:
            what = f"a text of {len(rows[0].ids)} tokens does not fit in memory"
            raise CandidateError(what, hint="lower its number of tokens") from error
    # Outside the handler, so that the failed attempt's tensors are already free.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    half = len(rows) // 2
    return [
        *_whole_or_halves(model, rows[:half], pad),
        *_whole_or_halves(model, rows[half:], pad),
    ]


def _scores(model: Any, rows: Sequence[Row], pad: int) -> list[list[float]]:
    import torch

    width = max(len(row.ids) for row in rows)
    if not width:
        return [[] for _ in rows]
    device = model.device
    # Right padding: no token looks to its right, so no real token sees any of it.
    ids = torch.tensor([row.ids + [pad] * (width - len(row.ids)) for row in rows], device=device)
    mask = torch.tensor(
        [[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in rows], device=device
    )
    # The logits that judge a token are those of the position before it.
    places = [(at, to - 1) for at, row in enumerate(rows) for to in range(row.start, len(row.ids))]
    if not places:
        return [[] for _ in rows]
    batch, position = torch.tensor(places, device=device).T
    targets = ids[batch, position + 1]
    with torch.inference_mode():
        flat = _by_hidden_states(model, ids, mask, (batch, position), targets)
        if flat is None:
            flat = _by_logits(model, rows)
    values = iter(flat)
    return [[next(values) for _ in range(row.start, len(row.ids))] for row in rows]


def _by_hidden_states(
    model: Any,
    ids: torch.Tensor,
    mask: torch.Tensor,
    places: tuple[torch.Tensor, torch.Tensor],
    targets: torch.Tensor,
) -> list[float] | None:
    """Run the model with its output layer held back, and apply that to the places alone.

    Returns:
        None for a model that does more to its logits than its output layer (such as Gemma's soft
        cap), which shows where the two ways to one position's logits differ.
    """
    import torch

    head = model.get_output_embeddings()
    kept: list[torch.Tensor] = []

    def hold_back(_module: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        kept.append(inputs[0])
        return (inputs[0][:, -1:],)

    hook = head.register_forward_pre_hook(hold_back)
    try:
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    finally:
        hook.remove()
    if len(kept) != 1 or not torch.equal(head(kept[0][:, -1:]).float(), logits.float()):
        return None
    # Virtual tokens of prompt tuning stand before the real ones.
    hidden = kept[0][:, -ids.shape[1] :][places]
    size = max(1, LOGITS // logits.shape[-1])
    return [
        value
        for part, wanted in zip(torch.split(hidden, size), torch.split(targets, size), strict=True)
        for value in _chosen(head(part), wanted)
    ]


def _by_logits(model: Any, rows: Sequence[Row]) -> list[float]:
    """Return the same by plain forward passes, one row at a time."""
    import torch

    found: list[float] = []
    for row in rows:
        if row.start < len(row.ids):
            ids = torch.tensor([row.ids], device=model.device)
            logits = model(input_ids=ids, use_cache=False).logits[0, -len(row.ids) :]
            size = max(1, LOGITS // logits.shape[-1])
            judged, targets = logits[row.start - 1 : -1], ids[0, row.start :]
            for part, wanted in zip(
                torch.split(judged, size), torch.split(targets, size), strict=True
            ):
                found += _chosen(part, wanted)
    return found


def _chosen(logits: torch.Tensor, targets: torch.Tensor) -> Iterator[float]:
    """Yield the log-probability of each target. Shapes: (n, vocabulary), (n,)."""
    # In float32 whatever the model runs in: bfloat16 has 3 digits, and sums of many are compared.
    wide = logits.float()
    scores = wide.gather(-1, targets[:, None])[:, 0] - wide.logsumexp(-1)
    yield from scores.tolist()
