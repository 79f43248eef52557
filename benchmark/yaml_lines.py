"""YAML text to plain data with the line of every key, and plain data to YAML text.

YAML 1.2's core schema: `1e-3` is a number, `yes`, `on`, `012:30` and dates are text, only
`true` and `false` are booleans. Keys are always text. Nothing but plain values is ever built:
the nodes of `yaml.SafeLoader` are read here, its constructors are not used at all.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from benchmark.errors import ConfigError, Problem

MAX_DEPTH = 32
"""Levels of nesting."""
MAX_VALUES = 20_000
"""Values after aliases are expanded, so that ten lines cannot fill the memory."""
TOO_DEEP = f"more than {MAX_DEPTH} levels of nesting"
TOO_MANY = f"more than {MAX_VALUES} values"

Path = tuple[str, ...]
Lines = dict[Path, tuple[str, int]]
"""Key path -> (file, line)."""

TAG = "tag:yaml.org,2002:"
RESOLVERS = (
    ("null", r"(?:~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)\Z", list("tTfF")),
    ("int", r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z", list("-+0123456789")),
    (
        "float",
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z",
        list("-+.0123456789"),
    ),
)
UNPRINTABLE = re.compile("[\0\ud800-\udfff]")
"""What YAML can write as an escape, but no file name, key or report can hold."""

WORDS = {
    "found character '\\t'": ("a tab stands where YAML wants spaces", "indent with spaces"),
    "mapping values are not allowed": (
        "a second `: ` stands inside a value",
        "put the value in quotes, or check the indentation",
    ),
    "could not find expected ':'": ("a `:` is missing here or on the line above", ""),
    "expected <block end>": (
        "this line does not line up with the lines above",
        "check the indentation, and the brackets and quotes above",
    ),
    TOO_DEEP: (TOO_DEEP, "nest less"),
    TOO_MANY: (TOO_MANY, "a suite is a small file; put rows into a data set"),
    "but found another document": ("a second document begins", "keep one document per file"),
}
"""Start of PyYAML's message -> our words and hint."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """One YAML file: what it says, where it says it, and what was wrong but could be skipped."""

    data: dict[str, Any]
    lines: Lines
    problems: list[Problem] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    """Composes nodes only; knows YAML 1.2's scalars, and when to stop."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own way
    depth = 0
    count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        self.count += 1
        if self.depth > MAX_DEPTH or self.count > 2 * MAX_VALUES:  # a key is a node as well
            what = TOO_DEEP if self.depth > MAX_DEPTH else TOO_MANY
            raise yaml.composer.ComposerError(None, None, what, self.get_mark())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Dumper(yaml.SafeDumper):
    """Quotes exactly the texts that `_Loader` would not read as text."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own way

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> Any:
        # PyYAML folds these three breaks like newlines, and so loses them.
        style = '"' if set(data) & set("\x85\u2028\u2029") else None
        return self.represent_scalar(TAG + "str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)

for _name, _pattern, _first in RESOLVERS:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(TAG + _name, re.compile(_pattern), _first)


def parse(text: str, file: str) -> Parsed:
    """Read the text of one YAML file whose top level is a mapping.

    Args:
        text: The file's content.
        file: Its name for messages.

    Raises:
        ConfigError: It is no YAML, too deep, too large, empty, or no mapping. Lesser mistakes
            (duplicate keys, tags, numbers that are not finite) are in `Parsed.problems`.
    """
    node = _compose(text, file)
    if node is None:
        raise ConfigError("is empty", where=file, hint="write at least `suite: name`")
    if not isinstance(node, yaml.MappingNode):
        where = f"{file}:{node.start_mark.line + 1}"
        raise ConfigError("is no mapping of keys to values", where=where, hint="write `key: value`")
    builder = _Builder(file)
    return Parsed(builder.build(node, ()), builder.lines, builder.problems)


def parse_value(text: str, label: str) -> tuple[Any, list[Problem]]:
    """Read one value from the command line: a plain scalar, or flow YAML (`[a, b]`, `{k: v}`).

    Anything else that YAML would see in the text (`a: b`, `#`, `*`, `!`) is left as text.

    Raises:
        ConfigError: It begins like flow YAML or a quoted text, but is none.
    """
    text = text.strip()
    if text.startswith(("[", "{", '"', "'")):
        node = _compose(text, label)
    else:
        resolve: Any = _Loader("").resolve
        node = yaml.ScalarNode(resolve(yaml.ScalarNode, text, (True, False)), text)
    builder = _Builder(label, numbered=False)
    return builder.build(node, ()), builder.problems


def dump(data: dict[str, Any]) -> str:
    """Return plain data as YAML that `parse` reads back to equal data."""
    # The block style is the default of `yaml.dump`.
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def printable(text: str) -> str:
    """Return text that any terminal and file can hold: what cannot be encoded is escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


def _compose(text: str, file: str) -> Any:
    loader = None
    try:
        loader = _Loader(text)
        return loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        raise ConfigError(what, where=f"{file}:{line}", hint="remove it") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem)[:150]  # it can quote a name of any length
        start = next((start for start in WORDS if problem.startswith(start)), None)
        what, hint = WORDS[start] if start else (f"cannot be read as YAML: {problem}", "")
        raise ConfigError(printable(what), where=f"{file}:{line}", hint=hint) from error
    except (ValueError, OverflowError) as error:  # an escape or a version number out of range
        line = loader.get_mark().line + 1 if loader else 1
        what = f"cannot be read as YAML: {error}"
        raise ConfigError(what, where=f"{file}:{line}") from error
    finally:
        if loader is not None:
            loader.dispose()


class _Builder:
    """Turns nodes into plain data; notes lines and mistakes on the way."""

    def __init__(self, file: str, *, numbered: bool = True) -> None:
        self.file = file
        self.numbered = numbered
        self.lines: Lines = {}
        self.problems: list[Problem] = []
        self.count = 0

    def build(self, node: Any, path: Path) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            raise ConfigError(TOO_MANY, where=self.file, hint="aliases count where they are used")
        if len(path) > MAX_DEPTH:  # through aliases; a loop of them ends here too
            raise ConfigError(TOO_DEEP, where=self._where(node, ()), hint="is an alias in a loop?")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, path, ("seq",))
            return [self._item(item, (*path, str(at))) for at, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _item(self, node: Any, path: Path) -> Any:
        self.lines[path] = self._place(node)
        return self.build(node, path)

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        self._check_tag(node, path, ("map",))
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem(key, path, "a key is a list or a mapping", "write a plain name")
                continue
            name = str(key.value)
            here = (*path, name)
            if UNPRINTABLE.search(name):
                self._problem(key, here, "a key holds a character that cannot be printed")
            elif name == "<<" and key.style is None:
                self._problem(key, here, "merge keys are not read", "use `extends:`, or an alias")
            elif name in found:
                first = f"on line {self.lines[here][1]}" if self.numbered else "before"
                self._problem(key, here, f"is already set {first}", "keep one of them")
            else:
                self.lines[here] = self._place(key)
                found[name] = self.build(value, here)
        return found

    def _scalar(self, node: Any, path: Path) -> Any:
        text = str(node.value)
        if not self._check_tag(node, path, ("str", "null", "bool", "int", "float")):
            return text
        try:
            value = _value(node.tag.removeprefix(TAG), text)
        except ValueError:
            short = printable(text if len(text) <= 20 else text[:20] + "…")
            self._problem(node, path, f"{short!r} cannot be read as a number or a boolean")
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self._problem(node, path, f"{text} is not a finite number")
            return 1.0  # without any number, what needs one would complain a second time
        if isinstance(value, str) and UNPRINTABLE.search(value):
            self._problem(node, path, "the text holds a character that cannot be printed")
            return printable(value)
        return value

    def _check_tag(self, node: Any, path: Path, allowed: tuple[str, ...]) -> bool:
        if node.tag.startswith(TAG) and node.tag.removeprefix(TAG) in allowed:
            return True
        tag = printable(node.tag.replace(TAG, "!!"))
        self._problem(node, path, f"the tag {tag} is not allowed", "write a plain value")
        return False

    def _problem(self, node: Any, path: Path, what: str, hint: str = "") -> None:
        self.problems.append(Problem(self._where(node, path), what, hint))

    def _where(self, node: Any, path: Path) -> str:
        file, line = self._place(node)
        place = f"{file}:{line}" if line else file
        return f"{place}: {printable('.'.join(path))}" if path else place

    def _place(self, node: Any) -> tuple[str, int]:
        return (self.file, node.start_mark.line + 1) if self.numbered else (self.file, 0)


def _value(kind: str, text: str) -> Any:
    """Return a scalar's value. Raises ValueError when an explicit tag does not fit the text."""
    if kind == "str":
        return text
    if kind == "null":
        return None
    if kind == "bool":
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    if kind == "int":
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text[2:] if base != 10 else text, base)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
