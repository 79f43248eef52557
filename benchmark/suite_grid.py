"""Sweeps: a list in a training parameter makes one candidate of each of its values.

`lora: {train: {r: [8, 16], learning_rate: [1e-4, 5e-4]}}` becomes the four candidates
`lora-r8-lr0.0001`, `lora-r8-lr0.0005`, ... in the place of `lora`; the last parameter changes
fastest. A parameter that is a list by nature (`target_modules`) sweeps as a list of lists.
Below `peft:` lists belong to PEFT, and a sweep is written `{grid: [..]}`, which may stand
anywhere in `train:`.

All of it happens on plain data, before a suite is checked: each member is then an ordinary
candidate, and what is wrong with one is told with the line on which its sweep is written.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from benchmark.errors import Problem
from benchmark.suite import Origin
from benchmark.suite_sweep import NOTHING, Sweep, name_of, sweeps_of
from benchmark.yaml_lines import Path, printable

MOST = 400
"""More than that nobody can allow: the expanded suite, which a run folder keeps, would have more
values than a suite file may have."""


def expand(
    data: Mapping[str, Any], origin: Origin, allowed: int | None = None
) -> tuple[dict[str, Any], Origin, list[Problem]]:
    """Put the members of each sweep in its place, and in the place of its name in gates.

    Args:
        data: A suite as plain data, in the long form of every shorthand; it stays as it is.
        origin: Where it was read from.
        allowed: How many candidates a suite with sweeps may have; None: up to `MOST`.

    Returns:
        The data without sweeps, an origin that leads from each member back to what was
        written, and every problem. With too many candidates, or values that are wrong, what
        is returned is good for finding other mistakes, not for a run.
    """
    candidates = data.get("candidates")
    if not isinstance(candidates, dict):
        return dict(data), origin, []
    swept = {name: sweeps_of(spec) for name, spec in candidates.items()}
    problems = [
        Problem(origin.where("candidates", name, "train", *path), what, hint)
        for name, sweeps in swept.items()
        for path, what, hint in sweeps.wrong
    ]
    too_many = _too_many({name: sweeps.found for name, sweeps in swept.items()}, allowed)
    if too_many:
        problems.append(Problem(origin.where("candidates"), *too_many))
    grid = _Grid(origin)
    for name, spec in candidates.items():
        grid.add(name, spec, swept[name].found, only_first=bool(too_many))
    result = {**data, "candidates": grid.candidates}
    gates = data.get("gates")
    if isinstance(gates, dict):
        result["gates"] = {name: grid.gate(name, spec) for name, spec in gates.items()}
    origin = Origin(origin.name, origin.lines, grid.aliases, grid.members)
    return result, origin, [*problems, *grid.problems]


class _Grid:
    """The candidates so far.

    Attributes:
        candidates: Name -> settings, without sweeps.
        members: Name of a sweep -> the names of its members.
        aliases: Key path in the expanded suite -> key path in what was written.
        problems: Names that are there twice.
    """

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.candidates: dict[str, Any] = {}
        self.members: dict[str, tuple[str, ...]] = {}
        self.aliases: dict[Path, Path] = {}
        self.problems: list[Problem] = []

    def add(self, name: str, spec: Any, sweeps: Sequence[Sweep], *, only_first: bool) -> None:
        """Add a candidate, or the members of one that sweeps."""
        if not sweeps:
            self._add(name, name, spec)
            return
        members = []
        for chosen in product(*(range(1 if only_first else len(item.values)) for item in sweeps)):
            values = [sweep.values[at][0] for sweep, at in zip(sweeps, chosen, strict=True)]
            member = name if only_first else name_of(name, sweeps, values)
            self._add(member, name, _member(spec, sweeps, values))
            self.aliases["candidates", member] = ("candidates", name)
            for sweep, at in zip(sweeps, chosen, strict=True):
                written = ("candidates", name, "train", *sweep.values[at][1])
                self.aliases["candidates", member, "train", *sweep.path] = written
            members.append(member)
        if not only_first:
            self.members[name] = tuple(members)

    def gate(self, name: str, spec: Any) -> Any:
        """Return a gate that names the members of each sweep instead of the sweep."""
        names = spec.get("candidates") if isinstance(spec, dict) else None
        if not isinstance(names, list):
            return spec
        said: list[Any] = []
        for at, one in enumerate(names):
            members = self.members.get(one) if isinstance(one, str) else None
            for member in members or (one,):
                if not members or member not in said:
                    here = ("gates", name, "candidates")
                    self.aliases[*here, str(len(said))] = (*here, str(at))
                    said.append(member)
        return {**spec, "candidates": said}

    def _add(self, name: str, written: str, spec: Any) -> None:
        if name in self.candidates:
            what = f"two candidates would be called {printable(name)!r}"
            hint = "rename one, or write values that differ in letters and digits"
            where = self.origin.where("candidates", written)
            self.problems.append(Problem(where, what, hint))
        self.candidates[name] = spec


def _member(spec: dict[str, Any], sweeps: Sequence[Sweep], values: Sequence[Any]) -> dict[str, Any]:
    """Return one candidate's settings: each sweep replaced by one of its values."""
    member = copy.deepcopy(spec)
    for sweep, value in zip(sweeps, values, strict=True):
        inner = member["train"]
        for step in sweep.path[:-1]:
            inner = inner[step]
        if value is NOTHING:
            del inner[sweep.path[-1]]
        else:
            inner[sweep.path[-1]] = copy.deepcopy(value)
    return member


def _too_many(swept: Mapping[str, Sequence[Sweep]], allowed: int | None) -> tuple[str, str] | None:
    """Return what to say, and the hint, where sweeps make more candidates than are allowed."""
    sizes = {name: [len(sweep.values) for sweep in found] for name, found in swept.items()}
    most = MOST if allowed is None else min(MOST, allowed)
    total = sum(map(math.prod, sizes.values()))
    if total <= most or not any(sizes.values()):
        return None
    parts = [
        f"{printable(name)}: {' × '.join(map(str, counts))}"
        for name, counts in sizes.items()
        if counts
    ]
    what = f"sweeps make {total} candidates ({', '.join(parts)}), and {most} are allowed"
    narrow = "give fewer values"
    return what, narrow if total > MOST else f"{narrow}, or allow it with --max-candidates {total}"
