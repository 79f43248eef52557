"""Which earlier run `--baseline` means: a file, a run, or a git commit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.core.baseline import Baseline

HELP = (
    "Compare each candidate with itself in an earlier run: a baseline file, a run (its folder, "
    "results.json or id), or a git commit whose accepted baseline is taken."
)


def find_baseline(reports: Path, suite: str, name: str) -> Baseline:
    """Return the baseline that a user named.

    Args:
        reports: Folder of run folders and of `baselines/`.
        suite: Whose baseline is taken from a commit.
        name: A path, a run, or a commit.

    Raises:
        StoreError: It is none of them, or is damaged.
    """
    from benchmark.checkout import resolve
    from benchmark.cli.runs import RESULTS, find_run, read_results
    from benchmark.core.baseline import from_run, path_of
    from benchmark.core.baseline_file import read, read_at
    from benchmark.errors import StoreError

    path = Path(name)
    if path.is_file() and path.name != RESULTS:
        return read(path)
    try:
        folder = find_run(reports, name)
    except StoreError:
        if path.suffix == ".json" or path.exists():
            raise StoreError(f"there is no baseline {name}") from None
        if resolve(name) is None:
            raise StoreError(
                f"{name!r} is no baseline file, no run in {reports} and no commit that git knows",
                hint="a shallow clone lacks old commits: fetch it first",
            ) from None
        return read_at(name, path_of(reports, suite))
    return from_run(folder, read_results(folder))
