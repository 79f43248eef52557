"""Checkpoints that can be trusted: whole ones carry a mark, all others are set aside.

transformers writes a checkpoint file by file. A process that is killed in between leaves a
folder that looks like a checkpoint and resumes to something else; so a mark is written last,
with the size and hash of every file, and only a checkpoint whose mark holds is gone on from.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

from benchmark.keys import sha256_of_file

MARK = "complete.json"
ASIDE = "incomplete"
"""Folder for what a killed process left half-written; goes away when the training is done."""


def mark(folder: Path, facts: dict[str, Any]) -> None:
    """Write the mark of a whole checkpoint, with `facts` to go on from."""
    files = {
        file.relative_to(folder).as_posix(): [file.stat().st_size, sha256_of_file(file)]
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != MARK
    }
    scratch = folder / f".{MARK}"
    scratch.write_text(json.dumps({"files": files, "facts": facts}), encoding="utf-8")
    scratch.replace(folder / MARK)


def facts(folder: Path) -> dict[str, Any] | None:
    """Return what `mark` was given; None if the checkpoint is not whole."""
    try:
        written = json.loads((folder / MARK).read_text(encoding="utf-8"))
        for name, (size, digest) in written["files"].items():
            file = folder / name
            if file.stat().st_size != size or sha256_of_file(file) != digest:
                return None
        found: dict[str, Any] = written["facts"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found


def latest(work: Path, below: float = math.inf) -> tuple[Path, dict[str, Any]] | None:
    """Return the last whole checkpoint of a work folder and its facts; set those after it aside.

    Args:
        work: The folder.
        below: Its step is below this.
    """
    for folder in sorted(work.glob("checkpoint-*"), key=_step, reverse=True):
        found = facts(folder)
        if found is not None and _step(folder) < below and _leads_back(work, folder):
            return folder, found
        aside = work / ASIDE
        shutil.rmtree(aside / folder.name, ignore_errors=True)
        aside.mkdir(exist_ok=True)
        folder.rename(aside / folder.name)
    return None


def _leads_back(work: Path, folder: Path) -> bool:
    """Tell whether the best weights so far, which a checkpoint refers to, are whole too."""
    try:
        state = json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    best = state.get("best_global_step")
    return not best or facts(work / f"checkpoint-{best}") is not None


def _step(folder: Path) -> int:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1
