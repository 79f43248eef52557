"""What pydantic says of a suite, in plain words and with its line; and what it cannot see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from benchmark.errors import Problem
from benchmark.registry import did_you_mean
from benchmark.suite import Origin, Suite
from benchmark.suite_gates import BASELINE
from benchmark.yaml_lines import Path, printable

EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "finite": "a finite number",
    "string": "text",
    "bool": "true or false",
    "dict": "a mapping (`key: value` lines)",
    "model": "a mapping (`key: value` lines)",
    "tuple": "a list",
    "list": "a list",
    "set": "a list",
    "none": "nothing",
}
"""First word of pydantic's error type -> what it wants."""

BOUNDS = {
    "greater_than_equal": ("ge", "must be at least {:g}, found {}"),
    "greater_than": ("gt", "must be above {:g}, found {}"),
    "less_than_equal": ("le", "must be at most {:g}, found {}"),
    "less_than": ("lt", "must be below {:g}, found {}"),
}

SIMPLE = {"missing": ("is missing", ""), "too_short": ("is empty", "name at least one")}

NAME_RULE = "up to 64 of a-z, A-Z, 0-9, dot, dash, underscore; a letter or digit first"

# Steps of pydantic's own validators in a location, such as the branches of a union.
NOISE = re.compile(
    r"(int|float|str|bool|none|dict|list|tuple|any|\[key\]"
    r"|(constrained-|function-|literal|tuple|list|dict|set|frozenset|union|nullable|lax-or-strict"
    r"|json-or-python|is-instance|chain|definition-ref)[-\[].*)\Z",
    re.DOTALL,
)


def plain_problems(
    error: ValidationError, origin: Origin, path: Path = (), known: Sequence[str] = ()
) -> list[Problem]:
    """Return a plugin's parameter errors in plain words.

    Args:
        error: What building the plugin raised.
        origin: Where the suite was read from.
        path: The key path of the plugin's settings.
        known: The plugin's parameters, for did-you-mean.
    """
    return _problems(error, origin, path, lambda inner: known if not inner else ())


def suite_problems(error: ValidationError, origin: Origin) -> list[Problem]:
    """Return a suite's errors of shape in plain words."""
    return _problems(error, origin, (), fields_at)


def wrong_paths(error: ValidationError) -> list[Path]:
    """Return the key paths that an error is about, the deepest last; missing keys included."""
    return sorted({_clean(item) for item in error.errors()}, key=len)


def cross_checks(suite: Suite) -> Iterator[Problem]:
    """Find what no single field shows: names that lead nowhere, sizes that do not fit."""
    where = suite.origin.where
    names = list(suite.candidates)
    members = suite.origin.sweeps.get(suite.baseline)
    if members:
        what = f"{suite.baseline!r} is a sweep, and the baseline is one candidate"
        yield Problem(where("baseline"), what, f"name one of: {', '.join(members[:4])}")
    elif suite.baseline not in suite.candidates:
        what = f"no candidate is called {suite.baseline!r}"
        yield Problem(where("baseline"), what, suggestion(suite.baseline, names))
    yield from _gates(suite)
    yield from _few_shot(suite)


def _gates(suite: Suite) -> Iterator[Problem]:
    where, names = suite.origin.where, list(suite.candidates)
    for gate, spec in suite.gates.items():
        for at, name in enumerate(spec.candidates):
            here = where("gates", gate, "candidates", at)
            if name not in suite.candidates:
                yield Problem(here, f"no candidate is called {name!r}", suggestion(name, names))
            elif name == suite.baseline and spec.compares and spec.against in (None, BASELINE):
                bound = "max_drop" if spec.max_drop is not None else "ratio"
                what = f"{name!r} is the baseline, and `{bound}` compares with the baseline"
                yield Problem(here, what, "use `floor`, or name another candidate")
        if spec.beats and spec.beats not in suite.candidates:
            what = f"no candidate is called {spec.beats!r}"
            yield Problem(where("gates", gate, "beats"), what, suggestion(spec.beats, names))
        if spec.judge and spec.judge not in suite.judges:
            what, judges = f"no judge is called {spec.judge!r}", list(suite.judges)
            hint = suggestion(spec.judge, judges) or "add it to `judges`"
            yield Problem(where("gates", gate, "judge"), what, hint)


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return "did you mean ...?", or the known names where none is near."""
    return did_you_mean(name, list(known)) or (f"known: {', '.join(known)}" if known else "")


def found(value: Any) -> str:
    """Say what a value is, in the words of somebody who writes YAML."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if abs(value) < 10**20 else "a huge number"
    if isinstance(value, str):
        return "text " + repr(printable(value if len(value) <= 40 else value[:40] + "…"))
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else type(value).__name__


def _few_shot(suite: Suite) -> Iterator[Problem]:
    # A share cannot be checked before the data set is read; nor can sides that it brings itself.
    rows = suite.split.train
    if "train" not in suite.split.model_fields_set or isinstance(rows, float):
        return
    for name, spec in suite.candidates.items():
        if spec.few_shot and spec.few_shot.k > rows:
            what = f"shows {spec.few_shot.k} solved examples, but `split.train` keeps {rows}"
            here = suite.origin.where("candidates", name, "few_shot")
            yield Problem(here, what, "raise `split.train` or lower `k`")


def _problems(
    error: ValidationError, origin: Origin, path: Path, fields: Callable[[Path], Sequence[str]]
) -> list[Problem]:
    by_path: dict[Path, list[Any]] = {}
    for item in error.errors(include_url=False):
        by_path.setdefault(_clean(item), []).append(item)
    problems = []
    for inner, items in by_path.items():
        # One branch of a union fails on the whole, another on a part: the part says more.
        if any(inner == other[: len(inner)] for other in by_path if len(other) > len(inner)):
            continue
        what, hint = _words(inner, items, fields)
        place = origin.where(*(printable(step) for step in (*path, *inner)))
        problems.append(Problem(place, what, hint))
    return problems


def _clean(item: Any) -> Path:
    """Return a location without the names of pydantic's own validators."""
    *steps, last = [str(step) for step in item["loc"]] or [""]
    kept = [step for step in steps if not NOISE.match(step)]
    if last and (item["type"] in ("missing", "extra_forbidden") or not NOISE.match(last)):
        kept.append(last)
    return tuple(kept)


def _words(
    path: Path, items: Sequence[Any], fields: Callable[[Path], Sequence[str]]
) -> tuple[str, str]:
    """Return what is wrong at one place, and the hint; `items` are the branches of a union."""
    kinds = {str(item["type"]): item for item in items}
    value = items[0]["input"]
    if "extra_forbidden" in kinds:
        return "unknown key", suggestion(path[-1], fields(path[:-1]))
    if "string_pattern_mismatch" in kinds:
        return f"{found(value)} is no name", NAME_RULE
    if "value_error" in kinds:  # our own words, written in a validator
        what, _, hint = str(kinds["value_error"]["ctx"]["error"]).partition("; ")
        return printable(what), printable(hint)
    for kind, (name, text) in BOUNDS.items():
        if kind in kinds:
            return text.format(kinds[kind]["ctx"][name], found(value)), ""
    return SIMPLE.get(str(items[0]["type"])) or _wrong_type(items, value)


def _wrong_type(items: Sequence[Any], value: Any) -> tuple[str, str]:
    expected = list(dict.fromkeys(text for text in map(_expected, items) if text))
    if "a whole number" in expected and "a number" in expected:
        expected.remove("a whole number")
    if not expected:
        return printable(str(items[0]["msg"])), ""
    literals = re.findall("'([^']*)'", " ".join(expected))
    hint = did_you_mean(value, literals) if isinstance(value, str) else ""
    if expected == ["text"] and isinstance(value, bool | int | float):
        hint = "put it in quotes"
    return f"expected {' or '.join(expected)}, found {found(value)}", hint


def _expected(item: Any) -> str:
    if item["type"] in ("literal_error", "enum"):
        return str(item["ctx"]["expected"])
    return EXPECTED.get(str(item["type"]).split("_")[0], "")


def fields_at(path: Path) -> list[str]:
    """Return the keys that the suite's model knows at a path."""
    kind: Any = Suite
    for step in path:
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif isinstance(kind, type) and issubclass(kind, BaseModel) and step in kind.model_fields:
            kind = kind.model_fields[step].annotation
        else:
            return []
        # `X | None` and `X | int` both lead to X.
        if type(None) in get_args(kind):
            kind = next(part for part in get_args(kind) if part is not type(None))
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return []
    return [*kind.model_fields, *(["extends"] if kind is Suite else [])]


def unfit_scores(suite: Suite, ways: Mapping[str, bool | None]) -> Iterator[Problem]:
    """Find gates, and a primary number, that no metric of the suite gives or that cannot judge.

    Args:
        suite: What was asked.
        ways: The label of each number, and whether it is better when it is higher.
    """
    asked: dict[Path, str] = {
        ("gates", name, "score"): gate.score for name, gate in suite.gates.items()
    }
    for path, score in {**asked, ("primary",): suite.primary}.items():
        if score in suite.judges:
            if path in asked:
                hint = f"write `judge: {score}`: it decides where it can be trusted"
                yield Problem(suite.origin.where(*path), f"{score!r} is a judge", hint)
        elif score and score not in ways:
            hint = did_you_mean(score, [*ways]) or f"known: {', '.join(sorted(ways))}"
            yield Problem(suite.origin.where(*path), f"no metric gives {score!r}", hint)
        elif score and ways[score] is None:
            what = f"{score!r} only describes: neither higher nor lower is better"
            yield Problem(suite.origin.where(*path), what, "name one that can be better")
