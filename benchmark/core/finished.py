"""Finished runs: finding their folders, and reading their results."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import StoreError
from benchmark.results import Results

RESULTS = "results.json"


def find_run(reports: Path, run: str | None) -> Path:
    """Return the folder of a run.

    Args:
        reports: Folder of run folders.
        run: A run folder's path, its `results.json`, a run id (or its end), a suite's name
            (its latest run); "latest" or None for the latest run of all.

    Raises:
        StoreError: There is none.
    """
    if run == "latest" and not (Path(run) / RESULTS).is_file():
        run = None
    if run is not None:
        path = Path(run)
        for folder in (path, path.parent if path.name == RESULTS else path):
            if (folder / RESULTS).is_file():
                return folder.resolve()
        if (reports / run / "latest" / RESULTS).is_file():
            return (reports / run / "latest").resolve()
    folders = all_runs(reports)
    found = folders if run is None else [path for path in folders if path.name.endswith(run)]
    # Without a link to the latest run (it is not made everywhere) a suite's newest is it.
    found = found or [path for path in folders if path.parent.name == run]
    if not found:
        what = f"no finished run in {reports}" if run is None else f"no finished run {run!r}"
        raise StoreError(
            what, hint="`bench leaderboard` lists what is there; `bench run` makes one"
        )
    return found[-1]


def all_runs(reports: Path, suite: str = "*") -> list[Path]:
    """Return the folders of finished runs, the oldest first."""
    found = [
        file.parent for file in reports.glob(f"{suite}/*/{RESULTS}") if not file.parent.is_symlink()
    ]
    return sorted(found, key=lambda folder: (folder / RESULTS).stat().st_mtime)


def read_results(folder: Path) -> Results:
    """Return a run's results.

    Raises:
        StoreError: They are missing or of another version.
    """
    path = folder / RESULTS
    try:
        return Results.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise StoreError(f"{path} is missing", hint="run the suite again") from error
    except ValueError as error:
        raise StoreError(
            f"{path} is not a results file of this version of bench", hint="run the suite again"
        ) from error
