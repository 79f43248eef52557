"""Puts examples on the sides train, validation and test, so that nothing leaks between them.

Groups are split, never rows: all rows of a group (an article's versions, one question's
answers) are on one side. Groups are ranked by the hash of seed and name, and the test side
takes from the front, then validation, then train. So the order of the rows does not matter,
and a row that is added moves only the few groups at the ends of the sides; a shuffle by seed
would move all of them.

`stratify: code` spreads the values of a field over the sides alike. `method: hash` puts each
group where its own hash falls, so that a row that is added moves no other at all; the sizes
are then met only roughly.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmark.errors import DataError
from benchmark.records import Example, Split
from benchmark.registry import did_you_mean
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

Take = Callable[[int], list[Example]]
"""Moves groups out of those that are left until there are so many rows, or no more groups."""


def split(
    examples: Sequence[Example], spec: SplitSpec, seed: int, limit: int | None = None
) -> Sides:
    """Split by group.

    Rows that name their own side (`Example.split`) keep it, with their whole group; a side
    that has such rows takes no others. The other groups are dealt by rank: a side takes
    groups until it has its size. A size that is a count is met exactly: the surplus rows of
    the last group are used nowhere. A size that is a share of the rows without a side is met
    to the nearest group; where shares add up to 1, train takes all that is left.

    With `spec.stratify`, a field of `meta`, each side takes next from the value that it is most
    short of. So no value's part of the test side is further from its part of all rows than one
    group; validation and train are as near to it as what is left allows. A group counts for the
    value that most of its rows have, and rows without the field are a value of their own.

    Args:
        examples: All rows, in any order.
        spec: The sizes, and how they are met.
        seed: Used where `spec` has none.
        limit: Cuts the test side to its first so many rows, after everything else, so that
            the other sides do not change.

    Raises:
        DataError: A group or an id is there twice, a side asks for more rows than there are,
            the test side is empty, no row has the field to stratify by, or `method: hash` is
            asked for with counts or with `stratify`.
    """
    _unique(examples)
    seed = spec.seed if spec.seed is not None else seed
    fixed, free = _by_side(_ranked(examples, seed))
    by_hash = getattr(spec, "method", "rank") == "hash"
    sides = _by_hash(fixed, free, spec, seed) if by_hash else _by_rank(fixed, free, spec)
    if not sides["test"]:
        raise DataError(
            f"the test side is empty (the data set has {len(examples)} rows)",
            where="split.test",
            hint="give it a larger share" if by_hash else "give a count, such as `test: 50`",
        )
    result = Sides(*(tuple(sides[side]) for side in ("train", "validation", "test")))
    return result._replace(test=result.test[:limit])


def _by_rank(
    fixed: dict[Split, Groups], free: Groups, spec: SplitSpec
) -> dict[Split, list[Example]]:
    """Meet the sizes, from the front of the ranks."""
    total = sum(map(len, free))
    field = getattr(spec, "stratify", None)
    take = _Strata(free, field).take if field else _from_front(free)
    sides: dict[Split, list[Example]] = {}
    for side in ORDER:
        size: int | float = getattr(spec, side)
        if side in fixed:
            rows = [row for group in fixed[side] for row in group]
            sides[side] = _exactly(rows, size, side) if isinstance(size, int) else rows
        elif isinstance(size, int):
            sides[side] = _exactly(take(size), size, side)
        elif side == "train" and _all_shares(spec):
            sides[side] = take(total)
        else:
            sides[side] = take(round(size * total))
    return sides


def _by_hash(
    fixed: dict[Split, Groups], free: Groups, spec: SplitSpec, seed: int
) -> dict[Split, list[Example]]:
    """Let each group's own hash decide: a side has a stretch of all hashes as long as its share."""
    shares = {side: getattr(spec, side) for side in ORDER}
    for side, size in shares.items():
        if isinstance(size, int) and size:
            raise DataError(
                f"is the count {size}, but `method: hash` meets shares only",
                where=f"split.{side}",
                hint="write a share such as 0.05, or leave `method` out",
            )
    if getattr(spec, "stratify", None):
        what = "`method: hash` cannot stratify: each group is placed by its own hash alone"
        raise DataError(what, where="split.stratify", hint="leave one of the two out")
    sides: dict[Split, list[Example]] = {
        side: [row for group in fixed.get(side, []) for row in group] for side in ORDER
    }
    for group in free:
        # 48 bits, so that a float holds it exactly and 1.0 is never reached.
        at = int.from_bytes(_rank(_name(group), seed)[:6]) / 2**48
        for side in ORDER:
            share = 0.0 if side in fixed else shares[side]
            if at < share or (side == "train" and "train" not in fixed and _all_shares(spec)):
                sides[side] += group
                break
            at -= share
    return sides


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
    return [groups[name] for name in sorted(groups, key=lambda name: (_rank(name, seed), name))]


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{name}".encode("utf-8", "surrogatepass")).digest()


def _name(group: list[Example]) -> str:
    return group[0].group or group[0].id


def _by_side(groups: Groups) -> tuple[dict[Split, Groups], Groups]:
    """Take the groups that name their side out of the others."""
    fixed: dict[Split, Groups] = {}
    free: Groups = []
    for rows in groups:
        named = sorted({row.split for row in rows if row.split is not None})
        if len(named) > 1:
            raise DataError(
                f"the group {_name(rows)!r} is on two sides ({', '.join(named)})",
                hint="put all its rows on one side: what is learned must not be tested",
            )
        if named:
            fixed.setdefault(named[0], []).append(rows)
        else:
            free.append(rows)
    return fixed, free


def _from_front(free: Groups) -> Take:
    def take(size: int) -> list[Example]:
        taken: list[Example] = []
        count = 0
        while count < len(free) and len(taken) < size:
            taken += free[count]
            count += 1
        del free[:count]
        return taken

    return take


class _Strata:
    """The groups that are left, by the value of a field."""

    def __init__(self, groups: Groups, field: str) -> None:
        self.groups = groups
        self.waiting: defaultdict[str | None, list[int]] = defaultdict(list)
        self.rows: Counter[str | None] = Counter()
        """Value -> rows, before any side took some."""
        # From the end, so that the first rank is the last item, where `pop` is cheap.
        for at in range(len(groups) - 1, -1, -1):
            value = _value(groups[at], field)
            self.waiting[value].append(at)
            self.rows[value] += len(groups[at])
        self.total = sum(self.rows.values())
        _known(groups, field)

    def take(self, size: int) -> list[Example]:
        """Move groups out, always of the value that is furthest below its part of `size`."""
        # In whole numbers (times the total), so that no rounding decides who is next.
        short = {value: size * rows for value, rows in self.rows.items()}
        queue = [(-short[value], left[-1], value) for value, left in self.waiting.items() if left]
        heapq.heapify(queue)
        taken: list[int] = []
        count = 0
        while queue and count < size:
            lacking, at, value = heapq.heappop(queue)
            taken.append(self.waiting[value].pop())
            count += len(self.groups[at])
            if self.waiting[value]:
                lacking += len(self.groups[at]) * self.total
                heapq.heappush(queue, (lacking, self.waiting[value][-1], value))
        return self._in_order(taken, max(count - size, 0))

    def _in_order(self, taken: list[int], surplus: int) -> list[Example]:
        # The group that was taken last goes to the end, where a count cuts what is too much.
        order = sorted(taken[:-1]) + taken[-1:] if surplus else sorted(taken)
        return [row for at in order for row in self.groups[at]]


def _value(group: list[Example], field: str) -> str | None:
    """Return the value that most rows of a group have; of equals, the first by name."""
    counts = Counter(row.meta.get(field) for row in group)
    return min(counts, key=lambda value: (-counts[value], value or ""))


def _known(groups: Groups, field: str) -> None:
    fields = {name for group in groups for row in group for name in row.meta}
    if groups and field not in fields:
        hint = did_you_mean(field, sorted(fields))
        listed = ", ".join(sorted(fields)[:20]) or "none at all"
        raise DataError(
            f"no row has a field {field!r} in its `meta`",
            where="split.stratify",
            hint=hint or f"the fields are: {listed}",
        )


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
