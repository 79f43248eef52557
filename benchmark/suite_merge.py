"""Lays suite files and overrides on one another, and keeps the line of each key in force.

One rule: mappings merge key by key and the upper layer wins; everything else, lists too, is
replaced. Two exceptions keep that sensible: `name: false` takes an entry out of a plural
section, and a mapping that names another plugin with `use:` replaces the lower one, because
one plugin's parameters mean nothing to another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmark.errors import ConfigError, Problem
from benchmark.suite import Suite
from benchmark.suite_problems import found, suggestion
from benchmark.yaml_lines import (
    MAX_DEPTH,
    UNPRINTABLE,
    Lines,
    Parsed,
    Path,
    parse_value,
    printable,
)

PLUGINS = ("metrics", "judges", "reports")
"""Sections that map names to plugins."""
SECTIONS = (*PLUGINS, "candidates", "gates")
"""Sections that map names to settings."""


def names_a_plugin(path: Path) -> bool:
    """Tell whether a key's value is a plugin with its parameters (`suite.Use`)."""
    return (
        path in (("dataset",), ("backend",), ("executor",))
        or (len(path) == 2 and path[0] in PLUGINS)
        or (len(path) == 3 and path[0] == "candidates" and path[2] == "backend")
    )


class Merged:
    """The layers laid so far.

    Attributes:
        data: Plain data, in the long form of every shorthand.
        lines: Key path -> (file, line); an override has line 0.
        problems: What was wrong with the layers themselves.
    """

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.lines: Lines = {}
        self.problems: list[Problem] = []
        self._below: dict[str, list[str]] = {}

    def add(self, layer: Parsed) -> None:
        """Lay a file on top."""
        self.problems += layer.problems
        reports = layer.data.get("reports")
        if isinstance(reports, dict) and reports and all(x is False for x in reports.values()):
            self._write_out_reports()  # `html: false` alone means all but that one
        self._lay_on(layer.data, layer.lines)

    def override(self, text: str) -> None:
        """Lay one `key.path=value` on top; an empty value is null."""
        label = "override " + printable(text if len(text) <= 100 else text[:100] + "…")
        key, sign, raw = text.partition("=")
        parts = [part.strip() for part in key.split(".")]
        try:
            if not sign:
                raise ConfigError("has no `=`", where=label, hint="write key.path=value")
            bad = not all(parts) or len(parts) > MAX_DEPTH or bool(UNPRINTABLE.search(key))
            if bad or parts[0] == "extends":
                raise ConfigError("is no key of a suite", where=label, hint="write key.path=value")
            if parts[0] == "reports":
                self._write_out_reports()
            path = self._path(parts, label)
            value, problems = parse_value(raw, label)
        except ConfigError as error:
            self.problems += [Problem(label, item.what, item.hint) for item in error.problems]
            return
        self.problems += problems
        lines = {inner: (label, 0) for inner in _walk(value, path)}
        for step in reversed(path):
            value = {step: value}
        self._lay_on(value, lines)

    def _lay_on(self, data: dict[str, Any], lines: Lines) -> None:
        # What can be taken out: nothing can be missing from below the first file.
        sections = SECTIONS if self.lines else [name for name in SECTIONS if name in self.data]
        below = {name: self.data.get(name) for name in sections}
        self._below = {
            name: list(entries) if isinstance(entries, dict) else []
            for name, entries in below.items()
        }
        self._lay(self.data, data, (), lines)

    def _lay(self, old: dict[str, Any], new: dict[str, Any], path: Path, lines: Lines) -> None:
        for name, short in new.items():
            here = (*path, name)
            value = _long_form(here, short)
            if value is False and _is_entry(here):
                self._take_out(old, here, lines)
            elif isinstance(value, dict):
                if not isinstance(old.get(name), dict) or _other_plugin(here, old[name], value):
                    self._forget(old.get(name), here)
                    old[name] = {}
                if here in lines:
                    self.lines[here] = lines[here]
                self._lay(old[name], value, here, lines)
            else:
                self._forget(old.get(name), here)
                old[name] = value
                self.lines |= {key: lines[key] for key in _walk(value, here) if key in lines}

    def _take_out(self, old: dict[str, Any], here: Path, lines: Lines) -> None:
        section, name = here
        below = self._below.get(section)
        if below is not None and name not in below:
            file, line = lines.get(here, ("", 0))
            place = f"{file}:{line}: {'.'.join(here)}" if line else file
            what = f"takes out {name!r}, which is not there"
            self.problems.append(Problem(printable(place), what, suggestion(name, below)))
        self._forget(old.pop(name, None), here)

    def _forget(self, value: Any, path: Path) -> None:
        for key in _walk(value, path):
            self.lines.pop(key, None)

    def _write_out_reports(self) -> None:
        defaults = Suite.model_fields["reports"].get_default(call_default_factory=True)
        self.data.setdefault("reports", {name: {"use": use.use} for name, use in defaults.items()})

    def _path(self, parts: list[str], label: str) -> Path:
        """Return the key path that an override means; names of entries may hold dots."""
        path: list[str] = []
        at: Any = self.data
        while parts:
            here = ".".join(path)
            if isinstance(at, list):
                hint = f"give all of it: {here}=[a, b]"
                raise ConfigError(f"{here} is a list", where=label, hint=hint)
            if at is not None and not isinstance(at, dict):
                raise ConfigError(f"{here} is {found(at)}, which has no keys", where=label)
            known = at or {}
            sizes = range(len(parts), 0, -1)
            size = next((size for size in sizes if ".".join(parts[:size]) in known), 1)
            step, parts = ".".join(parts[:size]), parts[size:]
            if parts and step not in known and _is_entry((*path, step)):
                what = f"{here} has no {step!r}"
                raise ConfigError(what, where=label, hint=suggestion(step, list(known)))
            path.append(step)
            at = known.get(step)
        return tuple(path)


def _is_entry(path: Path) -> bool:
    return len(path) == 2 and path[0] in SECTIONS


def _long_form(path: Path, value: Any) -> Any:
    """Return the mapping that a shorthand stands for, so that a later layer can add to it."""
    if _is_entry(path) and (value is None or (value is True and path[0] in PLUGINS)):
        return {}
    if isinstance(value, str) and names_a_plugin(path):
        return {"use": value}
    in_candidate = len(path) == 3 and path[0] == "candidates"
    if isinstance(value, str) and path[-1] == "template" and (in_candidate or len(path) == 1):
        return {"style": value}
    if type(value) is int and path[-1] == "few_shot" and in_candidate:
        return {"k": value}
    if isinstance(value, str) and path[-1] == "retrieval" and in_candidate:
        return {"documents": value}
    return value


def _other_plugin(path: Path, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Tell whether the upper mapping names another plugin than the lower one."""
    if not names_a_plugin(path) or "use" not in new:
        return False
    implied = path[-1] if path[0] in PLUGINS else None
    return bool(new["use"] != old.get("use", implied))


def _walk(value: Any, path: Path) -> Iterator[Path]:
    """Yield the path of a value and of everything in it."""
    yield path
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _walk(item, (*path, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _walk(item, (*path, str(at)))
