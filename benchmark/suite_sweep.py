"""The sweeps of one candidate: where they are written, and what their members are called.

How a suite is expanded by them is in `suite_grid.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmark.keys import key
from benchmark.suite import TrainSpec
from benchmark.suite_problems import fields_at, found
from benchmark.yaml_lines import Path, printable

GRID = "grid"
NOTHING = object()
"""The value of a sweep that has none: its parameter is left out."""
MAX_NAME = 64

SHORT = {
    "learning_rate": "lr",
    "batch_size": "batch",
    "target_modules": "targets",
    "virtual_tokens": "tokens",
    "gradient_checkpointing": "checkpointing",
    "weight_decay": "decay",
}
"""Parameters that have a shorter word in the names of candidates."""
SELF_TOLD = frozenset({"method", "objective", "schedule", "strategy"})
"""Parameters whose values need no word before them: `dora` says that it is a method."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_INSIDE = (f"a `{GRID}` stands inside a list", "sweep the whole list")


@dataclass(frozen=True, slots=True)
class Sweep:
    """One parameter with several values.

    Attributes:
        path: Where it is below `train`.
        values: What it takes, each with its own key path below `train`.
    """

    path: Path
    values: tuple[tuple[Any, Path], ...]


@dataclass(frozen=True, slots=True)
class Sweeps:
    """All sweeps of one candidate.

    Attributes:
        found: In the order in which they are written.
        wrong: What is wrong with them: path below `train`, what, hint.
    """

    found: list[Sweep] = field(default_factory=list)
    wrong: list[tuple[Path, str, str]] = field(default_factory=list)


def sweeps_of(spec: Any) -> Sweeps:
    """Find the sweeps in a candidate's settings, which are plain data and may be anything."""
    sweeps = Sweeps()
    train = spec.get("train") if isinstance(spec, dict) else None
    if isinstance(train, dict):
        for path, values, steps in _written(train, (), sweeps):
            _take(path, values, steps, sweeps)
    return sweeps


def name_of(name: str, sweeps: Sequence[Sweep], chosen: Sequence[Any]) -> str:
    """Return a member's name: the sweep's own, then each parameter with its value.

    At most 64 characters: of a longer one the beginning is left, and a hash of the values.

    Args:
        name: What the swept candidate is called.
        sweeps: Its sweeps.
        chosen: This member's value of each.
    """
    words = [sweep.path[-1] for sweep in sweeps]
    parts = [name]
    for sweep, value in zip(sweeps, chosen, strict=True):
        word = sweep.path[-1]
        label = SHORT.get(word, word) if words.count(word) == 1 else ".".join(sweep.path)
        if value is not NOTHING:
            parts.append(_part(word, label, value))
    full = "-".join(parts)
    if len(full) <= MAX_NAME or len(name) > MAX_NAME:
        return full
    values = [value for value in chosen if value is not NOTHING]
    return f"{full[: MAX_NAME - 9]}-{key(values=values)[:8]}"


def _written(value: Any, path: Path, sweeps: Sweeps) -> Iterator[tuple[Path, Any, Path]]:
    """Yield where a sweep is written, its list, and the path of that list."""
    # A key that is not known is told as such once, not once for each of its values.
    if path and path[0] != "peft" and path[-1] not in _known_beside(path):
        return
    if isinstance(value, dict):
        if GRID in value and path:
            others = [printable(name) for name in value if name != GRID]
            if others:
                what = f"has other keys beside `{GRID}`: {', '.join(others)}"
                sweeps.wrong.append((path, what, ""))
            yield path, value[GRID], (*path, GRID)
            return
        for name, item in value.items():
            yield from _written(item, (*path, name), sweeps)
    elif isinstance(value, list):
        if _is_sweep(value, path):
            yield path, value, path
        elif any(map(_has_grid, value)):
            sweeps.wrong.append((path, *_INSIDE))


def _known_beside(path: Path) -> list[str]:
    return fields_at(("candidates", "", "train", *path[:-1]))


def _is_sweep(value: list[Any], path: Path) -> bool:
    """Tell whether a list means several values, not one value that is a list."""
    if path[0] == "peft":
        return False
    known = TrainSpec.model_fields.get(path[0])
    if len(path) == 1 and known and "tuple" in str(known.annotation):
        return any(isinstance(item, list) for item in value)
    return True


def _has_grid(value: Any) -> bool:
    if isinstance(value, dict):
        return GRID in value or any(map(_has_grid, value.values()))
    return isinstance(value, list) and any(map(_has_grid, value))


def _take(path: Path, values: Any, steps: Path, sweeps: Sweeps) -> None:
    """Note a sweep, and what is wrong with it."""
    if not isinstance(values, list):
        what = f"expected a list of values, found {found(values)}"
        sweeps.wrong.append((steps, what, f"write {{{GRID}: [a, b]}}"))
        values = [NOTHING]
    elif not values:
        sweeps.wrong.append((steps, "the sweep is empty", "give at least one value"))
        values = [NOTHING]
    kept: list[tuple[Any, Path]] = []
    for at, value in enumerate(values):
        here = (*steps, str(at))
        if _has_grid(value):
            sweeps.wrong.append((here, *_INSIDE))
        elif any(_same(value, other) for other, _ in kept):
            what = f"the sweep has {printable(_text(value)[:40])} twice"
            sweeps.wrong.append((here, what, "keep one of them"))
        else:
            kept.append((value, here))
    sweeps.found.append(Sweep(path, tuple(kept or [(NOTHING, steps)])))


def _same(one: Any, other: Any) -> bool:
    # To Python true is 1, to a reader it is not.
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _part(word: str, label: str, value: Any) -> str:
    text = _NOT_IN_NAMES.sub("_", _text(value))
    if word in SELF_TOLD and isinstance(value, str):
        return text
    label = _NOT_IN_NAMES.sub("_", label)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # `r8`, but `micro_batch-auto`; and `beta_1-2`, which is no beta_12.
    return label + ("" if is_number and not label[-1:].isdigit() else "-") + text


def _text(value: Any) -> str:
    """Return a value as it is said in a name: 0.0001, 1e-05, true, q_proj.v_proj."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).removesuffix(".0").replace("e+", "e")
    if isinstance(value, list):
        return ".".join(map(_text, value))
    if isinstance(value, dict):
        return ".".join(f"{name}.{_text(item)}" for name, item in value.items())
    return str(value)
