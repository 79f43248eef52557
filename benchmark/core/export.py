"""Reports of a finished run, written again from its folder: nothing is computed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.core.baseline import opinions
from benchmark.core.finished import read_results
from benchmark.core.regate import Run, read_run, report_of
from benchmark.errors import ConfigError, StoreError
from benchmark.plugins import REPORTERS, Report
from benchmark.reporters import json_file, junit, sample_rows
from benchmark.reporters.files import write_text
from benchmark.reporters.tables import write_csv, write_parquet

SUFFIXES = (".html", ".md", ".junit.xml", ".xml", ".csv", ".parquet", ".json")
"""Of the reports that can be written."""


class Finished:
    """A finished run; its records are read when a report needs more than `results.json`."""

    def __init__(self, folder: Path) -> None:
        """Read the results. Raises StoreError."""
        self.folder = folder
        self.results = read_results(folder)

    @cached_property
    def run(self) -> Run:
        """Return its records. Raises StoreError, ConfigError."""
        return read_run(self.folder, self.results)

    @cached_property
    def report(self) -> Report:
        """Return what reporters see of it. Raises StoreError, ConfigError."""
        return report_of(self.run, self.results, self.folder)

    @property
    def columns(self) -> dict[str, str]:
        """Return the columns of its table: name -> type."""
        return sample_rows.columns(self.report)

    def rows(self) -> Any:
        """Yield one row for each candidate, example and score. Raises StoreError, ConfigError."""
        return sample_rows.rows(self.report, opinions(self.folder, self.results))


def kind_of(path: Path) -> str:
    """Return the suffix by which a report is chosen. Raises ConfigError where there is none."""
    name = path.name.lower()
    for suffix in SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            return suffix
    raise ConfigError(
        f"{path}: no report ends so", hint=f"name a file that ends in {', '.join(SUFFIXES)}"
    )


def write(finished: Finished, targets: Sequence[Path], *, full: bool = False) -> list[Path]:
    """Write reports of a run.

    Args:
        finished: The run.
        targets: Files; their suffixes say what is written. Those that are there are replaced.
        full: Markdown and HTML with every example, not a choice of them.

    Returns:
        The files.

    Raises:
        ConfigError: A suffix that no report has; nothing is written then.
        StoreError: Records are missing, or a file cannot be written.
    """
    kinds = [kind_of(path) for path in targets]
    for path, kind in zip(targets, kinds, strict=True):
        if path.is_dir():
            raise StoreError(f"{path} is a folder", hint="name a file")
        _WRITERS[kind](finished, path, full)
    return list(targets)


def _json(finished: Finished, path: Path, full: bool) -> None:
    write_text(path, json_file.text_of(finished.results))


def _junit(finished: Finished, path: Path, full: bool) -> None:
    write_text(path, junit.text_of(finished.results))


def _csv(finished: Finished, path: Path, full: bool) -> None:
    write_csv(path, list(finished.columns), finished.rows())


def _parquet(finished: Finished, path: Path, full: bool) -> None:
    write_parquet(path, finished.columns, finished.rows())


def _html(finished: Finished, path: Path, full: bool) -> None:
    _reported("html", finished, path, full)


def _markdown(finished: Finished, path: Path, full: bool) -> None:
    _reported("markdown", finished, path, full)


def _reported(name: str, finished: Finished, path: Path, full: bool) -> None:
    """Let a reporter write, as the suite sets it; what it puts beside its file goes along."""
    cls = REPORTERS.load(name)
    uses = [use for use in finished.run.suite.reports.values() if use.use == name]
    parameters = dict(uses[0].parameters) if uses else {}
    fields = getattr(cls, "model_fields", {})
    if full:
        everything = {"samples": len(finished.report.examples), "full": True}
        parameters |= {key: value for key, value in everything.items() if key in fields}
    reporter = cls(**parameters)
    if hasattr(reporter, "write_to"):  # what it puts beside its file has that file's name
        reporter.write_to(finished.report, path)
        return
    with _scratch(path.parent) as scratch:
        made = reporter.write(replace(finished.report, folder=scratch))
        for beside in scratch.iterdir():
            target = path if beside == made else path.parent / beside.name
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(beside, target)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Give a folder inside another, for files that go into that one. Raises StoreError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".report-", dir=folder))
    except OSError as error:
        what = f"cannot write into {folder}: {error.strerror or error}"
        raise StoreError(what, hint="choose another place") from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


_WRITERS: dict[str, Callable[[Finished, Path, bool], None]] = {
    ".html": _html,
    ".md": _markdown,
    ".junit.xml": _junit,
    ".xml": _junit,
    ".csv": _csv,
    ".parquet": _parquet,
    ".json": _json,
}
