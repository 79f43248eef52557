"""What a job made: the files of its run folder, and the adapters that it trained.

A file is given only if it is in the list, and the list follows no link: there is no path to
check for `..`, since none is ever put together from what a request says.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

from benchmark.core.store import Cache
from benchmark.results import Results
from benchmark.service.jobs import NotFound

ADAPTERS = "adapters/"


def run_folder(folder: Path) -> Path | None:
    """Return the newest run folder of a job; None: there is none."""
    reports = folder / "reports"
    found = [
        run
        for suite in (reports.iterdir() if reports.is_dir() else ())
        if suite.is_dir() and not suite.is_symlink() and suite.name != "baselines"
        for run in suite.iterdir()
        if run.is_dir() and not run.is_symlink()
    ]
    return max(found, key=lambda run: run.name, default=None)


def listed(folder: Path) -> list[tuple[str, int | None]]:
    """Return (path, bytes) of a job's artefacts; None where it is packed when it is asked for."""
    files = {name: path.stat().st_size for name, path in _files(folder).items()}
    adapters = {f"{ADAPTERS}{name}.zip": None for name in _adapters(folder)}
    return sorted({**files, **adapters}.items())


def open_one(folder: Path, name: str) -> tuple[Path, bool]:
    """Return the file of an artefact, and whether it was made for this one answer.

    Raises:
        NotFound: The job has none of this name.
    """
    path = _files(folder).get(name)
    if path is not None:
        return path, False
    wanted = name.removeprefix(ADAPTERS).removesuffix(".zip")
    adapter = _adapters(folder).get(wanted) if name == f"{ADAPTERS}{wanted}.zip" else None
    if adapter is None:
        raise NotFound("this job made nothing of this name")
    handle, packed = tempfile.mkstemp(prefix=".adapter-", suffix=".zip", dir=folder)
    with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as out:
        for part in sorted(adapter.rglob("*")):
            if part.is_file() and not part.is_symlink():
                out.write(part, part.relative_to(adapter).as_posix())
    return Path(packed), True


def results_of(folder: Path) -> Results | None:
    """Return the results of a job's newest run; None where there are none, or of another kind."""
    run = run_folder(folder)
    try:
        return Results.model_validate_json((run / "results.json").read_bytes()) if run else None
    except (OSError, ValueError):
        return None


def _files(folder: Path) -> dict[str, Path]:
    run = run_folder(folder)
    if run is None:
        return {}
    return {
        path.relative_to(run).as_posix(): path
        for path in run.rglob("*")
        if path.is_file() and not path.is_symlink() and not _hidden(path.relative_to(run))
    }


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _adapters(folder: Path) -> dict[str, Path]:
    """Return candidate -> the folder of the adapter that was trained for it."""
    results = results_of(folder)
    if results is None:
        return {}
    root = Cache().root / "adapters"
    found = {
        candidate.name: root / candidate.training.key
        for candidate in results.candidates
        if candidate.training is not None
    }
    return {name: path for name, path in found.items() if path.is_dir()}
