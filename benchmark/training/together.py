"""What the processes of one training say to each other. Alone, all of this is nothing.

They meet here outside the steps: every process has to call each of these functions, in the same
order, or all wait for ever.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from benchmark.training.job import processes


def rank() -> int:
    """Return which of the processes this one is, from 0."""
    return int(os.environ.get("RANK", "0")) if processes() > 1 else 0


def wait() -> None:
    """Go on when all have come here."""
    if processes() > 1:
        told(None)


def told(value: Any) -> Any:
    """Return the first process's value in all of them."""
    if processes() == 1:
        return value
    import torch.distributed as dist

    values = [value]
    dist.broadcast_object_list(values)
    return values[0]


def everybodys(value: Any) -> list[Any]:
    """Return the values of all processes, in their order."""
    if processes() == 1:
        return [value]
    import torch.distributed as dist

    values: list[Any] = [None] * processes()
    dist.all_gather_object(values, value)
    return values


def summed(values: Sequence[float]) -> list[float]:
    """Return the sums over all processes."""
    return [sum(column) for column in zip(*everybodys(list(values)), strict=True)]


def share_of(lengths: Sequence[int]) -> list[int]:
    """Return which rows of a batch are this process's.

    Dealt out longest first, there and back again, so that all get about as many tokens: each
    step takes as long as its slowest process. With fewer rows than processes some get none.

    Args:
        lengths: Tokens of each row.
    """
    count = processes()
    order = sorted(range(len(lengths)), key=lambda at: (-lengths[at], at))
    turns = [*range(count), *reversed(range(count))]
    return [at for turn, at in enumerate(order) if turns[turn % len(turns)] == rank()]
