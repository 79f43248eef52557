"""The same step again and again, in the same memory: new tokens for rows with a cache.

`generate` makes a new cache, a new mask and new shapes for each token. On a GPU that costs more
than the arithmetic: launching a step's kernels takes about 25 ms, whatever the batch. Here all
of a stretch's steps work in place, so that one step is recorded (a CUDA graph) and played back.

Imported where it is used, for it imports torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from benchmark.backends.drawing import Drawn

_WARM: WeakSet[Any] = WeakSet()
"""Models that have made a stretch."""

MULTIPLE = 16
"""Columns of a cache with room come in such numbers: kernels copy a mask of another width."""


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer, which can be opened: room behind them, written in place."""

    keys: torch.Tensor
    values: torch.Tensor
    column: torch.Tensor | None = None
    """Where the next token goes while it is open. Shape: (1,)."""

    def open(self, columns: int, column: torch.Tensor) -> None:
        """Make room for so many tokens in all."""
        self.keys, self.values = (_with_room(kept, columns) for kept in (self.keys, self.values))
        self.column = column

    def close(self, length: int) -> None:
        """Keep so many tokens, and be as any cache again."""
        self.keys, self.values = self.keys[:, :, :length], self.values[:, :, :length]
        self.column = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take in new tokens, shape (rows, heads, new, size); return all, empty room included."""
        if self.column is None:
            both: tuple[torch.Tensor, torch.Tensor] = super().update(key_states, value_states)
            return both
        self.keys.index_copy_(2, self.column, key_states)
        self.values.index_copy_(2, self.column, value_states)
        return self.keys, self.values


def roomy_cache(config: Any) -> DynamicCache:
    """Return an empty cache for a model all of whose layers see every token before them.

    Args:
        config: The (text) model's configuration.
    """
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() for _ in cache.layers]
    return cache


def repeats(model: Any) -> bool:
    """Tell whether a model's step can be repeated in place.

    Those can whose code transformers holds fit to be compiled as a whole: they take positions
    and a mask that is made, and nothing in them depends on a value. Adapters around the model
    may do more.
    """
    return (
        bool(getattr(model, "_can_compile_fullgraph", False))
        and not hasattr(model, "active_peft_config")
        and not getattr(model, "is_quantized", False)
        and getattr(model.config, "_attn_implementation", "") in {"sdpa", "eager"}
        and "position_ids" in inspect.signature(model.forward).parameters
    )


@contextmanager
def any_length() -> Iterator[None]:
    """Keep attention from kernels that are planned anew for each length.

    cuDNN's take 60 ms for that, at each new token; torch prefers them on an H100.
    """
    before: bool = torch.backends.cuda.cudnn_sdp_enabled()  # type: ignore[no-untyped-call]
    torch.backends.cuda.enable_cudnn_sdp(False)
    try:
        yield
    finally:
        torch.backends.cuda.enable_cudnn_sdp(before)


class Stretch:
    """Some tokens for each row, of which the cache has all but the last.

    Attributes:
        done: Steps that were made: fewer than asked for when all rows had ended.
    """

    def __init__(
        self,
        model: Any,
        cache: Any,
        last: torch.Tensor,
        mask: torch.Tensor,
        drawn: Drawn | None = None,
    ) -> None:
        """Take rows as `generate` leaves them.

        Args:
            model: One that `repeats`.
            cache: A `roomy_cache` of w - 1 columns.
            last: Each row's last token, which is not in the cache. Shape: (rows, 1).
            mask: 1 for real tokens, the last included. Shape: (rows, w).
            drawn: How tokens are drawn; None: each is the likeliest.
        """
        self.model, self.cache = model, cache
        self.ids = last.clone()
        self.mask = mask
        self.drawn = drawn
        self.done = 0

    def run(
        self, count: int, ends: frozenset[int], pad: int, tick: Callable[[int], object]
    ) -> torch.Tensor:
        """Make `count` tokens a row, or fewer when all rows have ended.

        Returns:
            The new tokens, and the padding behind an end. Shape: (rows, done).
        """
        rows, width = self.mask.shape
        device = self.ids.device
        self.column = torch.tensor([width - 1], device=device)
        self.at = torch.zeros(1, dtype=torch.long, device=device)
        self.position = self.mask.sum(dim=1, keepdim=True) - 1
        self.made = torch.full((rows, count), pad, dtype=torch.long, device=device)
        self.ended = torch.zeros((rows, 1), dtype=torch.bool, device=device)
        self.ends, self.pad = torch.tensor(sorted(ends), device=device), pad
        columns = -(-(width + count) // MULTIPLE) * MULTIPLE
        self.bias = self._bias(columns)
        for layer in self.cache.layers:
            layer.open(columns, self.column)
        try:
            self._steps(count, rows, tick)
        finally:
            for layer in self.cache.layers:
                layer.close(width - 1 + self.done)
        return self.made[:, : self.done]

    def _steps(self, count: int, rows: int, tick: Callable[[int], object]) -> None:
        on_gpu = self.ids.device.type == "cuda"
        # What is done for the first time cannot be recorded: libraries get ready then.
        warm = on_gpu and self.model in _WARM
        step = self._recorded() if warm else self._step
        while self.done < count:
            step()
            self.done += 1
            tick(rows)
            if not on_gpu and bool(self.ended.all()):  # on a GPU, a look costs some steps
                return
        if on_gpu:
            _WARM.add(self.model)

    def _step(self) -> None:
        """Put the last tokens through the model, and choose the next."""
        logits = self.model(
            input_ids=self.ids,
            attention_mask=self.bias,
            position_ids=self.position,
            past_key_values=self.cache,
            use_cache=True,
        ).logits[:, -1]
        chosen = self._chosen(logits).masked_fill(self.ended, self.pad)
        self.made.index_copy_(1, self.at, chosen)
        self.ended |= (chosen == self.ends).any(dim=-1, keepdim=True)
        self.ids.copy_(chosen)
        self.position += 1
        self.column += 1
        self.at += 1
        self.bias.index_fill_(3, self.column, 0.0)

    def _chosen(self, logits: torch.Tensor) -> torch.Tensor:
        if self.drawn is None:
            return logits.argmax(dim=-1, keepdim=True)
        return self.drawn.sampling.pick(logits, self.drawn.numbers.index_select(1, self.at))

    def _recorded(self) -> Callable[[], None]:
        """Return a step that plays the kernels of `_step` back, which were run once before."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        replay: Callable[[], None] = graph.replay
        return replay

    def _bias(self, columns: int) -> torch.Tensor:
        """Return what is added to attention scores. Shape: (rows, 1, 1, columns)."""
        rows, width = self.mask.shape
        hidden = torch.finfo(self.model.dtype).min
        bias = torch.full(
            (rows, 1, 1, columns), hidden, dtype=self.model.dtype, device=self.mask.device
        )
        bias[:, 0, 0, :width].masked_fill_(self.mask.bool(), 0.0)
        return bias


def _with_room(kept: torch.Tensor, columns: int) -> torch.Tensor:
    # Zeros: what is masked still counts 0 times its value, and 0 times "not a number" is none.
    whole = kept.new_zeros(*kept.shape[:2], columns, kept.shape[-1])
    whole[:, :, : kept.shape[2]] = kept
    return whole
