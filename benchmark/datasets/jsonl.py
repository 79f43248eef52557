"""Rows of one's own: a file with one JSON object a line.

A row is one of those that `benchmark.rows.layouts` lists: `messages`, `prompt` with
`completion` or `reference`, `instruction` with `output`, `prompt` with `chosen` and `rejected`,
or `text`. It may also carry `id`, `group`, `split` and `meta` (an object of texts, numbers and
truth values), and nothing else.
"""

from __future__ import annotations

from pydantic import field_validator

from benchmark.datasets.own_rows import Columns, Examples
from benchmark.errors import ConfigError
from benchmark.plugins import Loaded, Plugin
from benchmark.progress import Progress
from benchmark.records import Split
from benchmark.references import check, fetch, parse
from benchmark.rows.readers import Kind, read_records


class JsonLines(Plugin):
    """Rows of a JSON Lines file, local or in a package."""

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
        examples = Examples(self._columns())
        sources = {}
        for text, side in files:
            if text is not None:
                fetched = fetch(text, progress)
                sources[fetched.label] = fetched.sha256
                with progress.step(f"read {fetched.label}"):
                    examples.read(read_records(fetched.path, fetched.label, self._kind()), side)
        return examples.loaded(self.path, sources)

    def _columns(self) -> Columns:
        return Columns(strict=True)

    def _kind(self) -> Kind | None:
        return "jsonl"
