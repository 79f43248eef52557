"""Log-probabilities of texts that begin alike: a beginning goes through the model once.

A judge asks about many answers with the same rules before each of them, in several ways, and
wants to know how likely each mark is. So what all texts share is read first; behind it, for each
group of texts that share more (one answer, asked about in several ways), that; and behind that
the ends. Texts that are the same but for their last token (the marks) are read once: nothing
looks at a last token.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmark.backends.decoding import PLAIN, WORTH_SHARING, _is_ordinary, shared

if TYPE_CHECKING:
    from benchmark.backends.likelihood import Row

MOST = 16
"""Different ends that are read together."""


def alike(rows: Sequence[Row]) -> list[list[int]]:
    """Return groups of positions whose texts share most of what comes before what is scored.

    A text that shares that with no other is in no group.
    """
    order = sorted(range(len(rows)), key=lambda at: rows[at].ids)
    groups: list[list[int]] = []
    for at in order:
        if groups and _worth([rows[n] for n in (groups[-1][0], at)], len(groups[-1])):
            groups[-1].append(at)
        else:
            groups.append([at])
    return [group for group in groups if len(group) > 1]


def _worth(rows: Sequence[Row], size: int) -> bool:
    common = shared([row.ids for row in rows])
    longest = max(len(row.ids) for row in rows)
    return size < MOST and common >= max(WORTH_SHARING, 0.6 * longest)


def saved(rows: Sequence[Row]) -> int:
    """Return how many tokens less are read where what a group shares is read once."""
    to = min(shared([row.ids for row in rows]), *(row.start - 1 for row in rows))
    ends = {tuple(row.ids[:-1]) for row in rows}
    plain = sum(len(row.ids) for row in rows)
    return plain - to - sum(len(ids) - to for ids in ends)


def can_keep(model: Any) -> bool:
    """Tell whether a model keeps keys and values and nothing else, and looks at all of them."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or PLAIN)
    learned = getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False)
    return not learned and kinds <= PLAIN and _is_ordinary(model, config)


def behind(model: Any, groups: Sequence[Sequence[Row]], pad: int) -> list[list[list[float]]]:
    """Return the log-probability of each scored token, by group and row.

    Args:
        model: A causal model of transformers that `can_keep`.
        groups: Each with rows that `alike` put together.
        pad: Any token; it is masked.
    """
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config.get_text_config())
    with torch.inference_mode():
        first = _read_on(model, cache, 0, [row for group in groups for row in group])
        return [_ends(model, (copy.deepcopy(cache), first), group, pad) for group in groups]


def _read_on(model: Any, cache: Any, begun: int, rows: Sequence[Row]) -> int:
    """Read what rows share into a cache; return how many tokens are in it now."""
    import torch

    # The token before the first that is scored is left for the ends: its logits are wanted.
    to = min(shared([row.ids for row in rows]), *(row.start - 1 for row in rows))
    if to - begun < WORTH_SHARING:
        return begun
    ids = torch.tensor([rows[0].ids[begun:to]], device=model.device)
    model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return to


def _ends(model: Any, kept: tuple[Any, int], rows: Sequence[Row], pad: int) -> list[list[float]]:
    import torch

    cache, begun = kept
    begun = _read_on(model, cache, begun, rows)
    inputs = list(dict.fromkeys(tuple(row.ids[:-1]) for row in rows))
    cache.batch_repeat_interleave(len(inputs))
    width = max(map(len, inputs))
    # Padding stands on the right, where no real token sees it.
    ends = [[*ids[begun:], *[pad] * (width - len(ids))] for ids in inputs]
    seen = [[1] * len(ids) + [0] * (width - len(ids)) for ids in inputs]
    start = min(row.start for row in rows) - 1
    logits = model(
        input_ids=torch.tensor(ends, device=model.device),
        attention_mask=torch.tensor(seen, device=model.device),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=width - start,
    ).logits
    scores = logits.float().log_softmax(-1)
    found = []
    for row in rows:
        line = scores[inputs.index(tuple(row.ids[:-1]))]
        places = range(row.start, len(row.ids))
        found.append([float(line[at - 1 - start, row.ids[at]]) for at in places])
    return found
