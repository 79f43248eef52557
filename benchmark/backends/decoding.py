"""One batch of prompts to new tokens, by transformers' `generate`, in stretches.

`generate` runs until its last row ends, and computes all rows until then. So it is asked for a
few tokens at a time; between two stretches the rows that have ended leave the batch, and the
others go on from the same cache of keys and values. A beginning that all prompts share (the
examples of few-shot, the words of a template) goes through the model once.

Ordinary models need no `generate` for a stretch (`stretch.py`), and their prompts are read in
parts of like length (`reading.py`). How tokens are drawn is in `drawing.py`.

Imports torch only inside functions.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmark.backends.drawing import Drawn, Sampling

if TYPE_CHECKING:
    import torch

STRETCH = {"cpu": 16, "cuda": 32}
"""Tokens between two looks at which rows have ended. On a GPU each look costs a recording."""

WORTH_SHARING = 32
"""Tokens from which on a shared beginning is computed once."""

CACHED = ("PREFIX_TUNING", "CARTRIDGE")
"""Adapters that put learned keys and values before the prompt: PEFT moves its positions."""

PLAIN = {"full_attention"}
"""Kinds of layers that see every token before them, whatever column it stands in."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a batch.

    Attributes:
        prompts: Token ids of each prompt.
        max_new_tokens: Most new tokens of a row.
        ends: Ids of which any ends an answer.
        pad: Id of the padding.
        sampling: How tokens are drawn; None: each is the likeliest.
        over: Tells of a row's new tokens whether the answer is over though no end was seen (a
            stop string in it).
        tick: Moves the progress bar by so many tokens.
    """

    prompts: Sequence[Sequence[int]]
    max_new_tokens: int
    ends: frozenset[int]
    pad: int
    sampling: Sampling | None
    over: Callable[[list[int]], bool]
    tick: Callable[[int], object]


def new_tokens(model: Any, order: Order) -> list[list[int]]:
    """Return the new tokens of each prompt, its end included where there is one.

    Args:
        model: A causal model of transformers, with or without an adapter of PEFT.
        order: What is asked.

    Raises:
        torch.OutOfMemoryError: The batch does not fit.
    """
    from benchmark.backends.stretch import any_length

    made: list[list[int]] = [[] for _ in order.prompts]
    for group in _groups(model, order.prompts):
        drawn = order.sampling.of(group) if order.sampling else None
        part = replace(order, prompts=[order.prompts[at] for at in group], sampling=drawn)
        with warnings.catch_warnings(), any_length():
            rows = _Rows(model, part)
            # Of PEFT, about learned tokens before a prompt: the groups see to that.
            warnings.filterwarnings("ignore", "Position ids are not supported")
            while rows.alive and rows.left:
                rows.go_on()
        for at, tokens in zip(group, rows.made, strict=True):
            made[at] = tokens
    return made


def _groups(model: Any, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the rows that may be padded to one length: all, but for learned embeddings.

    PEFT puts those at the row's beginning, before the padding, and drops the positions that
    would tell: the longer the padding, the farther they would be from the prompt.
    """
    config: Any = getattr(model, "active_peft_config", None)
    if config is None or not config.is_prompt_learning or config.peft_type in CACHED:
        return [list(range(len(prompts)))]
    groups: dict[int, list[int]] = {}
    for at, prompt in enumerate(prompts):
        groups.setdefault(len(prompt), []).append(at)
    return list(groups.values())


class _Rows:
    """A batch on its way: the rows that go on, with their cache."""

    def __init__(self, model: Any, order: Order) -> None:
        import torch

        from benchmark.backends.reading import read
        from benchmark.backends.stretch import repeats

        self.model, self.order = model, order
        self.made: list[list[int]] = [[] for _ in order.prompts]
        self.alive = list(range(len(order.prompts)))
        self.left = order.max_new_tokens
        drawn = order.sampling
        self.numbers = drawn.numbers(self.left).to(model.device) if drawn else None
        begun = _worth_sharing(order.prompts)
        self.goes_on = _keeps_pairs(model)  # else all is made in one call of `generate`
        self.repeats = self.goes_on and repeats(model) and max(map(len, order.prompts)) > 1
        if self.repeats:
            self.cache, last, self.mask = read(model, order.prompts, begun, order.pad)
            self.ids = torch.nn.functional.pad(
                last, (self.mask.shape[1] - 1, 0), value=order.pad
            )  # what stands before the last token is in the cache
            return
        self.cache = _cache(model, order.prompts, begun) if self.goes_on else None
        rows, seen = side_by_side(order.prompts, begun if self.goes_on else 0, order.pad)
        self.ids = torch.tensor(rows, device=model.device)
        self.mask = torch.tensor(seen, device=model.device)

    def go_on(self) -> None:
        """Make the next stretch, and let the rows go that have ended."""
        new = self._stretch()
        self.left -= new.shape[1]
        stay: list[int] = []
        for at, row in enumerate(new.tolist()):
            tokens, ended = until(row, self.order.ends)
            made = self.made[self.alive[at]]
            made += tokens
            if not ended and not self.order.over(made):
                stay.append(at)
            else:
                self.order.tick(self.left)  # what it will not make, for the bar
        if self.left and stay:
            self._keep(stay, new)
        self.alive = [self.alive[at] for at in stay]

    def _stretch(self) -> torch.Tensor:
        """Return the next tokens. Shape: (rows, new)."""
        import torch

        from benchmark.backends.stretch import Stretch

        size = STRETCH.get(self.model.device.type, 16)
        count = min(size, self.left) if self.goes_on else self.left
        drawn = self._drawn()
        with torch.inference_mode():
            if self.repeats:
                stretch = Stretch(self.model, self.cache, self.ids[:, -1:], self.mask, drawn)
                return stretch.run(count, self.order.ends, self.order.pad, self.order.tick)
            output: torch.Tensor = self.model.generate(
                input_ids=self.ids,
                attention_mask=self.mask,
                past_key_values=self.cache,
                generation_config=self._config(count),
                logits_processor=[drawn] if drawn else None,
                stopping_criteria=[_Ticker(self.order.tick, len(self.alive))],
            )
            return output[:, self.ids.shape[1] :]

    def _drawn(self) -> Drawn | None:
        """Return how the rows that go on draw their next tokens."""
        if self.order.sampling is None or self.numbers is None:
            return None
        made = self.order.max_new_tokens - self.left
        return Drawn(self.order.sampling, self.numbers[self.alive, made:], self.ids.shape[1])

    def _keep(self, stay: list[int], new: torch.Tensor) -> None:
        import torch

        ids = torch.cat([self.ids, new], dim=1)
        mask = torch.nn.functional.pad(self.mask, (0, new.shape[1]), value=1)
        if len(stay) < len(self.alive):
            chosen = torch.tensor(stay, device=ids.device)
            ids, mask = ids[chosen], mask[chosen]
            self.cache.batch_select_indices(chosen)
        self.ids, self.mask = ids, mask

    def _config(self, count: int) -> Any:
        from transformers import GenerationConfig

        return GenerationConfig(
            max_new_tokens=count,
            eos_token_id=sorted(self.order.ends),
            pad_token_id=self.order.pad,
            do_sample=False,  # a processor draws
        )


def until(tokens: list[int], ends: frozenset[int]) -> tuple[list[int], bool]:
    """Return the tokens up to and with the first that ends an answer, and whether there is one."""
    at = next((at for at, token in enumerate(tokens) if token in ends), None)
    return (tokens, False) if at is None else (tokens[: at + 1], True)


def side_by_side(
    prompts: Sequence[Sequence[int]], begun: int, pad: int
) -> tuple[list[list[int]], list[list[int]]]:
    """Return prompts as rows of one length, and which of their tokens are real.

    Padding stands on the left, so that every answer begins at the same column; behind the first
    `begun` tokens, which all prompts share and which are in the cache already.
    """
    width = max(map(len, prompts))
    rows, seen = [], []
    for prompt in prompts:
        missing = width - len(prompt)
        rows.append([*prompt[:begun], *[pad] * missing, *prompt[begun:]])
        seen.append([1] * begun + [0] * missing + [1] * (len(prompt) - begun))
    return rows, seen


def shared(prompts: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all prompts begin with; at least one of each is left over."""
    ordered = sorted(map(list, prompts))
    first, last = ordered[0], ordered[-1]  # whatever these share, all between them share
    most = min(map(len, prompts)) - 1
    return next((at for at in range(most) if first[at] != last[at]), most)


def _worth_sharing(prompts: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all prompts begin with, if it pays to compute them once; else 0."""
    begun = shared(prompts)
    return begun if len(prompts) > 1 and begun >= WORTH_SHARING else 0


def _keeps_pairs(model: Any) -> bool:
    """Tell whether the model goes on from a cache of keys and values alone, which rows can leave.

    Not models that keep something else, nor adapters that put learned ones before the prompt.
    """
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or PLAIN)
    learned = getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False)
    return not learned and kinds <= PLAIN and _is_ordinary(model, config)


def _cache(model: Any, prompts: Sequence[Sequence[int]], begun: int) -> Any:
    """Return a cache with the first `begun` tokens, which all prompts share."""
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config.get_text_config())
    if begun:
        with torch.inference_mode():
            ids = torch.tensor([list(prompts[0][:begun])], device=model.device)
            model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache.batch_repeat_interleave(len(prompts))
    return cache


def _is_ordinary(model: Any, config: Any) -> bool:
    """Tell whether the model takes the cache that `generate` itself would make by default."""
    base = getattr(model, "get_base_model", lambda: model)()
    takes = getattr(base, "_supports_default_dynamic_cache", lambda: False)()
    keeps_more = getattr(base, "_is_stateful", False) or getattr(config, "sliding_window", None)
    return bool(takes) and not keeps_more


class _Ticker:
    """Moves the bar at each step of `generate`; never stops it."""

    def __init__(self, tick: Callable[[int], object], rows: int) -> None:
        self.tick = tick
        self.rows = rows

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        import torch

        self.tick(self.rows)
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
