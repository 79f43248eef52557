"""Reads a suite file: its parents, overrides from the command line, every problem at once.

How layers merge is in `suite_merge.py`, how YAML is read in `yaml_lines.py`, and how problems
are worded in `suite_problems.py`.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from benchmark.errors import ConfigError, Problem
from benchmark.suite import CandidateSpec, Origin, Suite, Use
from benchmark.suite_grid import expand
from benchmark.suite_merge import SECTIONS, Merged, names_a_plugin
from benchmark.suite_problems import (
    cross_checks,
    found,
    plain_problems,
    suite_problems,
    wrong_paths,
)
from benchmark.yaml_lines import Parsed, dump, parse, printable

__all__ = [
    "Document",
    "layers_of",
    "load_suite",
    "merge",
    "plain_problems",
    "read",
    "to_yaml",
    "validate",
]

MAX_BYTES = 1_000_000
"""Size of the largest suite file that is read."""


@dataclass(frozen=True, slots=True)
class Document:
    """A suite file with its parents and overrides merged, not checked yet.

    Attributes:
        data: Plain data, in the long form of every shorthand, sweeps expanded.
        origin: The line of each key.
        problems: Mistakes that did not keep the file from being read.
    """

    data: dict[str, Any]
    origin: Origin
    problems: tuple[Problem, ...] = ()


def load_suite(
    path: str | Path, overrides: Sequence[str] = (), *, max_candidates: int | None = None
) -> Suite:
    """Read and check a suite file.

    Args:
        path: The YAML file.
        overrides: `key.path=value` each; the value is YAML, an empty one is null.
        max_candidates: How many candidates a suite with sweeps may have; None: up to 400.

    Raises:
        ConfigError: With every problem, each with its file and line.
    """
    suite, problems = validate(read(path, overrides, max_candidates=max_candidates))
    if suite is None or problems:
        raise ConfigError(problems)
    return suite


def read(
    path: str | Path, overrides: Sequence[str] = (), *, max_candidates: int | None = None
) -> Document:
    """Read a suite file, the files that it extends, and the overrides; expand its sweeps.

    Raises:
        ConfigError: A file cannot be read, or is no YAML mapping at all. Every lesser mistake
            is in the document's `problems`.
    """
    return merge(layers_of(path), printable(str(path)), overrides, max_candidates=max_candidates)


def merge(
    layers: Sequence[Parsed],
    name: str,
    overrides: Sequence[str] = (),
    *,
    max_candidates: int | None = None,
) -> Document:
    """Lay a suite's layers, the farthest parent first, and the overrides; expand its sweeps."""
    merged = Merged()
    for layer in layers:
        merged.add(layer)
    for text in overrides:
        merged.override(text)
    origin = Origin(name, merged.lines)
    data, origin, problems = expand(merged.data, origin, max_candidates)
    return Document(data, origin, (*merged.problems, *problems))


def validate(document: Document) -> tuple[Suite | None, list[Problem]]:
    """Check a document's shape.

    Returns:
        The suite, None where its shape is wrong, and every problem found. There can be
        problems beside a suite: it is then good for looking for more of them, not for a run.
    """
    origin, problems = document.origin, list(document.problems)
    listed = [name for name in SECTIONS if isinstance(document.data.get(name), list)]
    for name in listed:
        what = "is a list, but it maps names to settings"
        problems.append(Problem(origin.where(name), what, "write `name:` instead of `- name`"))
    data = {
        name: _tuples(value, (name,)) for name, value in document.data.items() if name not in listed
    }
    try:
        # Strict: `seed: "42"` and `gradient_checkpointing: yes` are slips, not numbers and truths.
        suite = Suite.model_validate(data, strict=True)
    except ValidationError as error:
        known = {f"{origin.where(name)}: is missing" for name in listed}
        problems += [item for item in suite_problems(error, origin) if str(item) not in known]
        return None, problems
    if listed:
        return None, problems
    suite._origin = origin
    return suite, [*problems, *cross_checks(suite)]


def salvage(document: Document) -> Suite | None:
    """Return the suite without its keys of wrong shape, to look for mistakes of other kinds.

    None where nothing can be taken out that would mend it (a required key is missing).
    """
    data = {name: _tuples(value, (name,)) for name, value in document.data.items()}
    for _ in range(20):  # taking out one key can show the mistake beneath it
        try:
            suite = Suite.model_validate(data, strict=True)
        except ValidationError as error:
            if not all([_taken_out(data, path) for path in wrong_paths(error)]):
                return None
        else:
            suite._origin = document.origin
            return suite
    return None


def _taken_out(data: Any, path: Sequence[str]) -> bool:
    """Take the value at a path out of nested mappings; tell whether it was there."""
    *parents, last = path or ("",)
    for step in parents:
        data = data.get(step) if isinstance(data, dict) else None
    if not isinstance(data, dict) or last not in data:
        return False
    del data[last]
    return True


def to_yaml(suite: Suite) -> str:
    """Return the suite as YAML, defaults written out; it loads back to an equal suite."""
    return dump(_plain(suite))


def layers_of(file: str | Path) -> list[Parsed]:
    """Return a file and those that it extends, the farthest parent first. Raises ConfigError."""
    path = Path(file)
    layers: list[Parsed] = []
    seen: set[str] = set()
    where = ""
    while True:
        text = _text(path, where)
        real = os.path.realpath(path)
        if real in seen:
            what = f"{printable(str(path))} extends itself, directly or through others"
            raise ConfigError(what, where=where, hint="break the circle")
        seen.add(real)
        layer = parse(text, printable(str(path)))
        layers.insert(0, layer)
        if "extends" not in layer.data:
            return layers
        file, line = layer.lines.pop(("extends",))
        where = f"{file}:{line}: extends"
        parent = layer.data.pop("extends")
        if not isinstance(parent, str) or not parent.strip():
            what = f"expected the path of another suite file, found {found(parent)}"
            raise ConfigError(what, where=where)
        path = path.parent / parent


def _text(path: Path, where: str) -> str:
    """Return a file's text; `where` is the line that asked for it, if a file did."""
    shown = printable(str(path))
    place, name = (where, f"{shown} ") if where else (shown, "")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        # Without the suffix, which makes any two file names look alike.
        stems = {Path(item).stem: item for item in _suites_in(path.parent)}
        near = difflib.get_close_matches(path.stem, stems, n=1)
        hint = f"did you mean {stems[near[0]]!r}?" if near else ""
        raise ConfigError(f"{name}does not exist", where=place, hint=hint) from None
    except IsADirectoryError:
        inside = _suites_in(path)
        hint = f"name a file in it, such as {inside[0]}" if inside else "name a YAML file"
        raise ConfigError(f"{name}is a folder", where=place, hint=hint) from None
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{name}cannot be read ({reason})", where=place) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"is larger than {MAX_BYTES:,} bytes", where=shown, hint="is it a suite?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        hint = "save it as UTF-8"
        raise ConfigError("is not UTF-8 text", where=f"{shown}:{line}", hint=hint) from None


def _suites_in(folder: Path) -> list[str]:
    try:
        return sorted(printable(str(item)) for item in folder.glob("*.y*ml"))
    except (OSError, ValueError):
        return []


def _tuples(value: Any, path: tuple[str, ...]) -> Any:
    """Return data with tuples for lists, as strict validation wants; plugins keep their lists."""
    if names_a_plugin(path) or _is_for_peft(path):
        return value
    if isinstance(value, dict):
        return {name: _tuples(item, (*path, name)) for name, item in value.items()}
    if isinstance(value, list):
        return tuple(_tuples(item, (*path, "")) for item in value)
    return value


def _is_for_peft(path: tuple[str, ...]) -> bool:
    return len(path) == 4 and path[0] == "candidates" and path[2:] == ("train", "peft")


def _plain(value: Any) -> Any:
    """Return a model as the plain data that a person would write."""
    if isinstance(value, Use):
        parameters = _plain(value.parameters)
        if parameters.keys() & {"use", "parameters"}:
            return {"use": value.use, "parameters": parameters}
        return {"use": value.use, **parameters}
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        data = {
            name: _plain(getattr(value, name))
            for name, field in fields.items()
            if getattr(value, name) is not None or field.default is not None
        }
        if isinstance(value, CandidateSpec) and value.generation is not None:
            # What a candidate leaves out comes from the suite: a default here would hide that.
            data["generation"] = _plain(value.generation.model_dump(exclude_unset=True))
        return data
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
