"""Rows of one's own: a file with one JSON object a line.

Four layouts are told apart by their fields; each may also carry `id`, `group`, `split` and
`meta` (an object of texts, numbers and truth values).

======================================================  ====================================
``{"messages": [{"role": ..., "content": ...}, ...]}``  the last turn is the answer, unless
                                                        the row has `reference(s)`
``{"prompt": ..., "completion": ...}``                  `prompt` is a text or a list of turns
``{"prompt": ..., "reference": ...}``                   or ``"references": [...]``
``{"instruction": ..., "input": ..., "output": ...}``   Alpaca; `input` may be left out
======================================================  ====================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import field_validator

from benchmark.datasets.jsonl_rows import BadRow, to_example
from benchmark.errors import ConfigError, DataError, Problem
from benchmark.plugins import Loaded, Plugin
from benchmark.progress import Progress
from benchmark.records import Example, Split
from benchmark.references import check, fetch, parse

SHOWN = 20
"""Broken rows that one error names; there may be thousands."""


class JsonLines(Plugin):
    """Rows of a JSON Lines file (UTF-8), local or in a package."""

    path: str
    """A file, or a package reference; a relative path starts where the command runs."""
    validation_path: str | None = None
    """A file whose rows are the validation side."""
    test_path: str | None = None
    """A file whose rows are the test side."""

    @field_validator("path", "validation_path", "test_path")
    @classmethod
    def _reference(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                if parse(value).kind == "hub":
                    raise ValueError(f"{value!r} is a hub id; name a file: ./{value}")
                check(value)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return value

    def load(self, progress: Progress) -> Loaded:
        """Read all files.

        A row without `id` is known by the hash of its content, and its copies are dropped. A
        row without `group` shares one with the rows that ask the same. A row of `path` whose
        group is also in `validation_path` or `test_path` is dropped: it would leak.

        Raises:
            FetchError: A file could not be fetched.
            DataError: No rows; or broken ones or ids twice, all named (at most 20 shown).
        """
        files: tuple[tuple[str | None, Split | None], ...] = (
            (self.test_path, "test"),
            (self.validation_path, "validation"),
            (self.path, None),
        )
        rows = _Rows()
        sources = {}
        for text, side in files:
            if text is not None:
                fetched = fetch(text, progress)
                sources[fetched.label] = fetched.sha256
                with progress.step(f"read {fetched.label}"):
                    rows.read(fetched.path, fetched.label, side)
        rows.raise_problems()
        if not rows.examples:
            raise DataError("has no rows", where=self.path)
        return Loaded(tuple(rows.examples.values()), dict(rows.dropped), sources)


class _Rows:
    """What has been read so far, over all files."""

    def __init__(self) -> None:
        self.examples: dict[str, Example] = {}
        self.dropped: Counter[str] = Counter()
        self.problems: list[Problem] = []
        self.places: dict[str, str] = {}
        """Id -> where it was seen first."""
        self.groups: dict[str, str] = {}
        """Group of a row of a side's own file -> that side."""

    def read(self, path: Path, label: str, side: Split | None) -> None:
        for number, line in _lines(path, label):
            place = f"{label}:{number}"
            try:
                example, named = to_example(line, side)
            except BadRow as error:
                self.problems.append(Problem(place, str(error)))
                continue
            other = self.groups.get(example.group)
            if example.id in self.examples and named:
                first = self.places[example.id]
                self.problems.append(Problem(place, f"id {example.id!r} is taken by {first}"))
            elif example.id in self.examples:
                self.dropped["same row twice"] += 1
            elif other is not None and other != (side or example.split):
                self.dropped[f"same question or group as in the {other} file"] += 1
            else:
                self.examples[example.id] = example
                self.places[example.id] = place
                if side is not None:
                    self.groups[example.group] = side

    def raise_problems(self) -> None:
        if not self.problems:
            return
        shown = self.problems[:SHOWN]
        more = len(self.problems) - len(shown)
        if more:
            shown.append(Problem("", f"and {more} more"))
        error = DataError("\n".join(map(str, shown)))
        error.problems = tuple(shown)  # the command line shows them one by one
        raise error


def _lines(path: Path, label: str) -> Iterator[tuple[int, bytes]]:
    """Give (line number, line) for the lines that are not blank."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                # Windows' editors put a mark before the first line of a UTF-8 file.
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if text.strip():
                    yield number, text
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror or error}", where=label) from error
