"""Puts examples on the sides train, validation and test, so that nothing leaks between them.

Groups are split, never rows: all rows of a group (an article's versions, one question's
answers) are on one side. Groups are ranked by the hash of seed and name, and the test side
takes from the front, then validation, then train. So the order of the rows does not matter,
and a row that is added moves only the few groups at the ends of the sides; a shuffle by seed
would move all of them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from benchmark.errors import DataError
from benchmark.records import Example, Split
from benchmark.suite import SplitSpec

ORDER: tuple[Split, ...] = ("test", "validation", "train")
"""The side that must not change takes first."""


class Sides(NamedTuple):
    """The three sides, each in the order of the ranks."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]


Groups = list[list[Example]]
"""Groups by rank; the rows of each by id."""


def split(
    examples: Sequence[Example], spec: SplitSpec, seed: int, limit: int | None = None
) -> Sides:
    """Split by group.

    Rows that name their own side (`Example.split`) keep it, with their whole group; a side
    that has such rows takes no others. The other groups are dealt by rank: a side takes
    groups until it has its size. A size that is a count is met exactly: the surplus rows of
    the last group are used nowhere. A size that is a share of the rows without a side is met
    to the nearest group; where shares add up to 1, train takes all that is left.

    Args:
        examples: All rows, in any order.
        spec: The sizes.
        seed: Used where `spec` has none.
        limit: Cuts the test side to its first so many rows, after everything else, so that
            the other sides do not change.

    Raises:
        DataError: A group or an id is there twice, a side asks for more rows than there are,
            or the test side is empty.
    """
    _unique(examples)
    seed = spec.seed if spec.seed is not None else seed
    fixed, free = _by_side(_ranked(examples, seed))
    total = sum(map(len, free))
    sides: dict[Split, list[Example]] = {}
    for side in ORDER:
        size: int | float = getattr(spec, side)
        if side in fixed:
            rows = [row for group in fixed[side] for row in group]
            sides[side] = _exactly(rows, size, side) if isinstance(size, int) else rows
        elif isinstance(size, int):
            sides[side] = _exactly(_take(free, size), size, side)
        elif side == "train" and _all_shares(spec):
            sides[side] = _take(free, total)
        else:
            sides[side] = _take(free, round(size * total))
    if not sides["test"]:
        raise DataError(
            f"the test side is empty (the data set has {len(examples)} rows)",
            where="split.test",
            hint="give a count, such as `test: 50`",
        )
    result = Sides(*(tuple(sides[side]) for side in ("train", "validation", "test")))
    return result._replace(test=result.test[:limit])


def _unique(examples: Sequence[Example]) -> None:
    seen: set[str] = set()
    for row in examples:
        if row.id in seen:
            raise DataError(f"two rows have the id {row.id!r}", hint="ids name one row each")
        seen.add(row.id)


def _ranked(examples: Sequence[Example], seed: int) -> Groups:
    groups: defaultdict[str, list[Example]] = defaultdict(list)
    for row in sorted(examples, key=lambda row: row.id):
        groups[row.group or row.id].append(row)
    ranks = {
        name: hashlib.sha256(f"{seed}\n{name}".encode("utf-8", "surrogatepass")).digest()
        for name in groups
    }
    return [groups[name] for name in sorted(groups, key=lambda name: (ranks[name], name))]


def _by_side(groups: Groups) -> tuple[dict[Split, Groups], Groups]:
    """Take the groups that name their side out of the others."""
    fixed: dict[Split, Groups] = {}
    free: Groups = []
    for rows in groups:
        named = sorted({row.split for row in rows if row.split is not None})
        if len(named) > 1:
            raise DataError(
                f"the group {rows[0].group or rows[0].id!r} is on two sides ({', '.join(named)})",
                hint="put all its rows on one side: what is learned must not be tested",
            )
        if named:
            fixed.setdefault(named[0], []).append(rows)
        else:
            free.append(rows)
    return fixed, free


def _take(free: Groups, size: int) -> list[Example]:
    """Move groups from the front of `free` until there are `size` rows, or no more groups."""
    taken: list[Example] = []
    count = 0
    while count < len(free) and len(taken) < size:
        taken += free[count]
        count += 1
    del free[:count]
    return taken


def _exactly(rows: list[Example], size: int, side: Split) -> list[Example]:
    if len(rows) < size:
        raise DataError(
            f"asks for {size} rows, but only {len(rows)} are there for the {side} side",
            where=f"split.{side}",
            hint="lower it, or give it a share such as 0.05",
        )
    return rows[:size]


def _all_shares(spec: SplitSpec) -> bool:
    sizes = [spec.train, spec.validation, spec.test]
    return all(isinstance(size, float) for size in sizes) and sum(sizes) > 1 - 1e-9
