"""Runs as data frames: `benchmark.frame` and `benchmark.leaderboard`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.export import Finished
from benchmark.core.finished import find_run
from benchmark.core.history import history
from benchmark.reporters import history_rows, sample_rows
from benchmark.results import Results

if TYPE_CHECKING:
    import pandas as pd

_TYPES = {"float": "float64", "int": "Int64", "bool": "boolean"}


def frame(
    run: str | Path | Results | None = None,
    *,
    reports: str | Path = "reports",
    texts: bool = True,
) -> pd.DataFrame:
    """Return a finished run as a data frame: one row for each candidate, example and score.

    ::

        scores = benchmark.frame("legi")
        scores.pivot_table(index="example_id", columns=["score", "candidate"], values="value")

    The columns are those of the CSV and Parquet reports (`reporters.sample_rows` lists them). An
    answer that is missing has rows whose `value` is missing too.

    Args:
        run: A run's folder, its id or the end of it, a suite's name, or what `run` returned;
            "latest" or None: the latest run.
        reports: Folder of run folders.
        texts: Whether questions, references, answers and rationales are in it: with them the
            frame of a large run is large.

    Raises:
        StoreError: There is no such run, or its records cannot be read.
        ConfigError: A plugin that the run used is not installed.
    """
    if isinstance(run, Results):
        run = Path(reports) / run.suite / run.run_id
    finished = Finished(find_run(Path(reports), None if run is None else str(run)))
    columns = finished.columns
    if not texts:
        columns = {name: kind for name, kind in columns.items() if name not in sample_rows.TEXTS}
    return _framed(columns, finished.rows())


def leaderboard(
    reports: str | Path = "reports", *, suite: str | None = None, metrics: Sequence[str] = ("*",)
) -> pd.DataFrame:
    """Return finished runs as a data frame: one row for each number of a candidate in a run.

    `comparable` tells whether the row can be compared with the newest run of its suite, `change`
    how much it differs from the candidate's run before (`change_verdict`: better, worse, or ""
    where that may be chance). See `reporters.history_rows` for the other columns.

    Args:
        reports: Folder of run folders.
        suite: Only this suite; None: all.
        metrics: Names or patterns of numbers.

    Raises:
        StoreError: There is no finished run.
        ConfigError: A pattern fits no number.
    """
    found = history(Path(reports), suite, metrics)
    return _framed(history_rows.COLUMNS, history_rows.rows(found))


def _framed(columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    cells: dict[str, list[Any]] = {name: [] for name in columns}
    for row in rows:
        for name, values in cells.items():
            values.append(row.get(name))
    return pd.DataFrame(
        {name: pd.array(values, dtype=_dtype(columns[name])) for name, values in cells.items()}
    )


def _dtype(kind: str) -> Any:
    return _TYPES.get(kind, "str")
