"""Rubrics: what a judge is asked, and what each of its marks means.

A rubric is a YAML file (suites/rubrics/ has those that come along, in French and English), so
that it is read, reviewed and versioned like the data. Its content, not its name, is in the key
and in the signature of every judge that uses it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from benchmark.errors import BenchError
from benchmark.keys import canonical, sha256_of_rows
from benchmark.registry import did_you_mean
from benchmark.suite_base import Name, Spec
from benchmark.yaml_lines import parse

Language = Literal["fr", "en"]
Shown = Literal["question", "reference"]


class Rubric(Spec):
    """One rubric, as its file says it."""

    rubric: Name
    version: int = Field(ge=1)
    """Raise it with each change, for people; the hash changes by itself."""
    language: Language
    question: str = Field(min_length=1)
    shows: tuple[Shown, ...] = ("question", "reference")
    """What stands beside the answer. With `reference`, an example without one is not judged."""
    scale: dict[str, str] = Field(min_length=2)
    """Each mark, from the worst on, and what it means."""
    values: dict[str, float] = {}  # noqa: RUF012 (pydantic copies it)
    """Mark -> number; marks that are numbers need none."""
    variants: dict[Name, str] = {"plain": ""}  # noqa: RUF012
    """Ways to ask: each adds its sentence. A panel names those that it uses."""

    @model_validator(mode="after")
    def _complete(self) -> Rubric:
        for mark in self.scale:
            if mark not in self.values and _number(mark) is None:
                raise ValueError(f"`scale` has a mark {mark!r}, and `values` gives it no number")
        for mark in self.values:
            if mark not in self.scale:
                raise ValueError(f"`values` has a mark {mark!r} that `scale` does not have")
        if not self.variants:
            raise ValueError("`variants` is empty; leave it out, or name one")
        return self

    def levels(self) -> dict[str, float]:
        """Return each mark's number."""
        numbers = {mark: _number(mark) for mark in self.scale}
        return {
            mark: self.values[mark] if mark in self.values else float(number or 0)
            for mark, number in numbers.items()
        }

    @property
    def sha256(self) -> str:
        """Return the hash of what the rubric says."""
        return sha256_of_rows([canonical(self.model_dump(mode="json"))])

    @property
    def label(self) -> str:
        """Return name, language, version and hash, for signatures."""
        return f"{self.rubric}-{self.language}@{self.version}#{self.sha256[:8]}"


def _number(mark: str) -> float | None:
    try:
        return float(mark)
    except ValueError:
        return None


def folders() -> list[Path]:
    """Return where the rubrics are that come along: in an installed package, or in a checkout."""
    here = Path(__file__).resolve()
    return [here.parent / "rubric_files", here.parents[2] / "suites" / "rubrics"]


def known() -> list[str]:
    """Return the names of the rubrics that come along."""
    return sorted({path.stem for folder in folders() for path in folder.glob("*.yaml")})


def load(reference: str) -> Rubric:
    """Return a rubric by the name of one that comes along, or by a file's path.

    Raises:
        ValueError: There is none, or something in it is wrong; says where and what.
    """
    if reference.endswith((".yaml", ".yml")):
        path = Path(reference).expanduser()
    else:
        named = [folder / f"{reference}.yaml" for folder in folders()]
        found = [path for path in named if path.is_file()]
        if not found:
            hint = did_you_mean(reference, known()) or f"known: {', '.join(known())}"
            raise ValueError(f"{reference!r} is no rubric; {hint}, or the path of a .yaml file")
        path = found[0]
    try:
        stamp = path.stat()
        return _read(path, stamp.st_mtime_ns, stamp.st_size)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error


@cache
def _read(path: Path, _changed: int, _size: int) -> Rubric:
    try:
        parsed = parse(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8") from error
    except BenchError as error:
        raise ValueError(str(error)) from error
    if parsed.problems:
        raise ValueError(str(parsed.problems[0]))
    try:
        return Rubric.model_validate(_tuples(parsed.data))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        line = parsed.lines.get(tuple(str(part) for part in first["loc"]), ("", 0))[1]
        where = f"{path}:{line}" if line else str(path)
        what = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{where}: {place + ': ' if place else ''}{what}") from error


def _tuples(data: dict[str, object]) -> dict[str, object]:
    return {name: tuple(item) if isinstance(item, list) else item for name, item in data.items()}
