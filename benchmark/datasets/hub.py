"""Rows of a data set on the Hugging Face hub, or of a local folder laid out like one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import field_validator, model_validator

from benchmark.datasets.files import columns
from benchmark.datasets.own_rows import Examples
from benchmark.errors import ConfigError, DataError, FetchError
from benchmark.keys import canonical
from benchmark.plugins import Loaded, Plugin
from benchmark.progress import Progress
from benchmark.records import Split
from benchmark.references import Reference, cache_root, check, parse
from benchmark.references.cache import offline
from benchmark.rows.json_text import Found
from benchmark.rows.readers import KINDS
from benchmark.rows.row import Format, Place
from benchmark.rows.tables import typed_row

FILES = [
    *(f"*{suffix}{packed}" for suffix in KINDS for packed in ("", ".gz", ".zst")),
    *("*.md", "*.txt", "*.arrow"),
]
"""Data, and the card that says which files make a configuration and a split. No code."""


class Hub(Plugin):
    """Rows of a data set on the hub, through the `datasets` library."""

    name: str
    """`org/name@revision` (pin the commit: without it the newest is read), or a local folder."""
    config: str | None = None
    """The configuration, where the data set has several."""
    split: str = "train"
    """The hub's split to read, such as `train` or `train[:1000]`."""
    validation_split: str | None = None
    """The hub's split whose rows are the validation side."""
    test_split: str | None = None
    """The hub's split whose rows are the test side."""
    format: Format | None = None
    """What the rows are; default: recognised by their fields."""
    fields: dict[str, str] = {}  # noqa: RUF012 (pydantic copies it)
    """What the columns are called: `fields: {prompt: question, completion: answer}`."""
    group: str | None = None
    """The column whose equal values keep rows on one side of the split."""
    references: str | None = None
    """The column with further right answers."""

    @field_validator("name")
    @classmethod
    def _reference(cls, value: str) -> str:
        try:
            found = parse(value)
            if found.kind not in ("hub", "path"):
                raise ValueError(f"{value!r} is no hub id; write org/name@revision")
            if found.kind == "path":
                check(found)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return value

    @model_validator(mode="after")
    def _names(self) -> Hub:
        columns(self.format, self.fields, self.group, self.references)
        return self

    def load(self, progress: Progress) -> Loaded:
        """Read the splits, as `jsonl` reads its files.

        Raises:
            FetchError: Not fetched: no such data set or revision, or no network.
            DataError: No such configuration or split; no rows, or broken ones.
        """
        splits: tuple[tuple[str | None, Split | None], ...] = (
            (self.test_split, "test"),
            (self.validation_split, "validation"),
            (self.split, None),
        )
        examples = Examples(columns(self.format, self.fields, self.group, self.references))
        sources = {}
        reference = parse(self.name)
        folder, name = _folder(reference, progress)
        for split, side in splits:
            if split is not None:
                label = f"{name}[{split}]"
                with progress.step(f"read {label}"):
                    digest = hashlib.sha256()
                    examples.read(_found(self._rows(folder, split, name), label, digest), side)
                    sources[label] = digest.hexdigest()
        return examples.loaded(name, sources)

    def _rows(self, folder: Path, split: str, name: str) -> Any:
        import datasets

        try:
            with _without_bars(datasets):
                return datasets.load_dataset(
                    str(folder), self.config, split=split, cache_dir=str(cache_root() / "datasets")
                )
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            raise DataError(
                f"cannot load the split {split!r}: {_first(error)}",
                where=name,
                hint="check config and split",
            ) from error


@contextmanager
def _without_bars(client: Any) -> Iterator[None]:
    """Silence a client: two bars on one terminal overwrite each other."""
    shown = not client.are_progress_bars_disabled()
    client.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            client.enable_progress_bars()


def _folder(reference: Reference, progress: Progress) -> tuple[Path, str]:
    """Return the folder of a data set, and its name with the commit.

    The whole of it is fetched at one commit, and read as a local folder: asked for the hub's
    name, `datasets` would silently give another revision from its cache when offline.
    """
    if reference.kind == "path":
        return Path(reference.name).expanduser(), reference.label
    from huggingface_hub import snapshot_download, utils
    from huggingface_hub.errors import HFValidationError

    if not reference.version:
        progress.say(f"{reference.label} may change; pin its commit: {reference.label}@<commit>")
    try:
        with progress.step(f"fetch {reference.label}"), _without_bars(utils):
            found = snapshot_download(
                reference.name,
                repo_type="dataset",
                revision=reference.version or None,
                allow_patterns=FILES,
                local_files_only=offline(),
            )
    except (OSError, HFValidationError) as error:
        raise FetchError(
            f"{reference.label}: not fetched from the hub: {_first(error)}",
            hint="check the name, your access and the network, or name a local folder",
        ) from error
    return Path(found), f"{reference.name}@{Path(found).name}"


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _found(rows: Any, label: str, digest: Any) -> Iterator[Found]:
    for number, values in enumerate(rows, 1):
        found = typed_row(values, Place(file=label, line=number))
        if isinstance(found, tuple):
            digest.update(canonical(found[1]).encode("utf-8", "surrogatepass"))
        yield found
