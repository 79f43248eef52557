"""Several answers to one prompt: which is which, and where its chance comes from."""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.keys import key
from benchmark.records import Generation


def seed_of(seed: int | None, example_id: str, sample: int) -> int:
    """Return the seed of one answer, below 2^31: its own, whatever is answered beside it.

    Args:
        seed: Of all answers together.
        example_id: What is answered.
        sample: Which answer to it, from 0.
    """
    # 31 bits: more than some servers take would be refused.
    return int(key(seed=seed or 0, example=example_id, sample=sample)[:8], 16) >> 1


def first(rows: Iterable[Generation]) -> list[Generation]:
    """Return each example's first answer."""
    return [row for row in rows if row.sample == 0]


def others(rows: Iterable[Generation]) -> list[Generation]:
    """Return all answers but each example's first."""
    return [row for row in rows if row.sample]
