"""Prompts into the cache: neighbours of like length together, a shared beginning once.

All rows of a batch answer at once, but they need not be read at once: padded to the longest
prompt of a thousand, most of the arithmetic would be about padding.

Imported where it is used, for it imports torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from transformers.cache_utils import DynamicCache

from benchmark.backends.stretch import roomy_cache

AT_ONCE = {"cuda": 16_384, "mps": 4096, "cpu": 2048}
"""Tokens that go through the model at once, padding included."""


class Read(NamedTuple):
    """Prompts that a model has read, all of each but its last token.

    Attributes:
        cache: A `roomy_cache` of w - 1 columns.
        last: The last token of each. Shape: (rows, 1).
        mask: 1 for real tokens. Shape: (rows, w); padding stands on the left, and behind a
            shared beginning.
    """

    cache: DynamicCache
    last: torch.Tensor
    mask: torch.Tensor


def read(model: Any, prompts: Sequence[Sequence[int]], begun: int, pad: int) -> Read:
    """Put prompts through a model.

    Args:
        model: A causal model of transformers that takes `position_ids`.
        prompts: Token ids, best in the order of their lengths.
        begun: Tokens that all prompts share at their beginning, to be computed once; at least
            one of each prompt is left over.
        pad: Id of the padding.
    """
    once = list(dict.fromkeys(map(tuple, prompts)))
    if len(once) < len(prompts):  # several answers to one prompt, which is read for all of them
        places = {prompt: at for at, prompt in enumerate(once)}
        each = torch.tensor([places[tuple(prompt)] for prompt in prompts], device=model.device)
        cache, last, mask = read(model, once, begun, pad)
        cache.batch_select_indices(each)
        return Read(cache, last[each], mask[each])
    config = model.config.get_text_config()
    columns = max(map(len, prompts)) - 1
    cache, mask = roomy_cache(config), torch.zeros((len(prompts), columns + 1), dtype=torch.long)
    mask[:, -1] = 1
    with torch.inference_mode():
        head = DynamicCache(config=config)
        if begun:
            _forward(model, head, [list(prompts[0][:begun])], [[1] * begun])
        for start, texts in _chunks(prompts, begun, AT_ONCE.get(model.device.type, 2048)):
            width = max(map(len, texts))
            rows = [[pad] * (width - len(text)) + text for text in texts]
            seen = [[1] * begun + [0] * (width - len(text)) + [1] * len(text) for text in texts]
            part = _repeated(config, head, len(texts))
            if width:
                _forward(model, part, rows, seen)
            stop, first = start + len(texts), columns - begun - width
            mask[start:stop, first:columns] = torch.tensor(seen, dtype=torch.long)
            for whole, layer in zip(cache.layers, part.layers, strict=True):
                if layer.is_initialized:
                    _put(whole, layer, (start, stop, first), (len(prompts), columns))
    last = torch.tensor([[prompt[-1]] for prompt in prompts], device=model.device)
    return Read(cache, last, mask.to(model.device))


def _chunks(
    prompts: Sequence[Sequence[int]], begun: int, most: int
) -> Iterator[tuple[int, list[list[int]]]]:
    """Yield where a chunk starts, and its texts without beginning and last token."""
    start, chunk = 0, list[list[int]]()
    for at, prompt in enumerate(prompts):
        text = list(prompt[begun:-1])
        longest = max(map(len, [*chunk, text]))
        if chunk and longest * (len(chunk) + 1) > most:
            yield start, chunk
            start, chunk = at, []
        chunk.append(text)
    yield start, chunk


def _forward(model: Any, cache: DynamicCache, rows: list[list[int]], seen: list[list[int]]) -> None:
    mask = torch.tensor(seen, device=model.device)
    position = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -len(rows[0]) :]
    model(
        input_ids=torch.tensor(rows, device=model.device),
        attention_mask=mask,
        position_ids=position,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )


def _repeated(config: Any, head: DynamicCache, rows: int) -> DynamicCache:
    """Return a cache of its own that begins with `head` in each row."""
    cache = DynamicCache(config=config)
    for at, layer in enumerate(head.layers):
        if layer.is_initialized:
            shape = (rows, -1, -1, -1)
            cache.update(layer.keys.expand(shape), layer.values.expand(shape), at)
    return cache


def _put(whole: Any, part: Any, place: tuple[int, int, int], size: tuple[int, int]) -> None:
    """Copy a chunk's keys and values to its rows, at the right end of the columns."""
    start, stop, first = place
    if not whole.is_initialized:
        whole.lazy_initialization(part.keys, part.values)
        shape = (size[0], part.keys.shape[1], size[1], part.keys.shape[3])
        whole.keys = part.keys.new_zeros(shape)
        whole.values = part.values.new_zeros((*shape[:3], part.values.shape[3]))
    whole.keys[start:stop, :, first:] = part.keys
    whole.values[start:stop, :, first:] = part.values
