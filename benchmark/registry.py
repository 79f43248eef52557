"""Names of plugins and where their classes are, imported on use.

Built-in names are a dict of "module:Class" strings, so that nothing heavy loads before it
is needed and no import cycle can form. Entry points of other packages are read only when a
name is not built in (reading them costs 40 to 130 ms).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from benchmark.errors import ConfigError, MissingDependency


class Entry(NamedTuple):
    """One line of `bench ls`."""

    name: str
    target: str
    """"module:Class"."""
    origin: str
    """"built in", or the distribution that brings it and its version."""


@dataclass(frozen=True)
class Registry:
    """One kind of plugin.

    Attributes:
        kind: Singular word for messages, for instance "metric".
        group: Entry point group that other packages use, for instance "benchmark.metrics".
        builtin: Name -> "module:Class".
    """

    kind: str
    group: str
    builtin: Mapping[str, str]

    def load(self, name: str) -> type[Any]:
        """Return the class called `name`.

        Raises:
            ConfigError: No plugin has this name (with did-you-mean).
            MissingDependency: The plugin's module needs a package that is not installed.
        """
        target = self.builtin.get(name) or self._installed().get(name, Entry(name, "", "")).target
        if not target:
            raise ConfigError(f"unknown {self.kind} {name!r}", hint=self._suggest(name))
        module, _, attribute = target.partition(":")
        try:
            loaded: type[Any] = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name and module.startswith(error.name):
                raise ConfigError(
                    f"{self.kind} {name!r}: there is no module {error.name}"
                ) from error
            raise MissingDependency(
                f"{self.kind} {name!r} needs the package {error.name!r}",
                hint=f"python -m pip install {error.name}",
            ) from error
        except AttributeError as error:
            raise ConfigError(
                f"{self.kind} {name!r}: {module} has no class {attribute!r}"
            ) from error
        return loaded

    def entries(self) -> list[Entry]:
        """Return all plugins of this kind: the built-in ones, then those of other packages."""
        mine = [Entry(name, target, "built in") for name, target in self.builtin.items()]
        others = [entry for name, entry in self._installed().items() if name not in self.builtin]
        return mine + sorted(others)

    def _installed(self) -> dict[str, Entry]:
        from importlib.metadata import entry_points

        found = {}
        for point in entry_points(group=self.group):
            origin = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
            found[point.name] = Entry(point.name, point.value, origin)
        return found

    def _suggest(self, name: str) -> str:
        names = [entry.name for entry in self.entries()]
        return did_you_mean(name, names) or f"known: {', '.join(sorted(names))}"


def did_you_mean(name: str, known: list[str]) -> str:
    """Return "did you mean 'x'?" for the known name nearest to `name`, or "" if none is near."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def parameters(cls: type[Any]) -> list[tuple[str, str, Any]]:
    """Return a plugin class's parameters as (name, type, default); `...` if required."""
    fields = cls.model_fields if issubclass(cls, BaseModel) else {}
    return [
        (name, _type(field.annotation), ... if field.is_required() else field.get_default())
        for name, field in fields.items()
    ]


def _type(annotation: Any) -> str:
    if isinstance(annotation, type):
        return annotation.__name__
    choices = getattr(annotation, "__args__", ())
    if getattr(annotation, "__origin__", None) is Literal:
        return " | ".join(map(repr, choices))
    return str(annotation).replace("typing.", "").replace("datetime.", "")
