"""What the cache holds, by kind, and taking out what is old."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from benchmark.core.store import Cache
from benchmark.errors import StoreError

PRECIOUS = ("adapters", "answers")
"""Kinds that cost a training, or money: they go only when they are named."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """One thing in the cache.

    Attributes:
        used: When it was last written (seconds since 1970); of a folder, its newest file.
    """

    kind: str
    path: Path
    size: int
    used: float


def artefacts(kind: str | None = None) -> list[Artefact]:
    """Return what the cache holds, the oldest first; of one kind, or of all.

    Raises:
        StoreError: There is no such kind.
    """
    root = Cache().root
    kinds = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    if kind is not None and kind not in kinds:
        known = f"the cache has: {', '.join(kinds)}" if kinds else "the cache is empty"
        raise StoreError(f"the cache has no {kind!r}", hint=known)
    found = [
        Artefact(name, path, *_measured(path))
        for name in ([kind] if kind else kinds)
        for path in _inside(root / name)
    ]
    return sorted(found, key=lambda one: (one.used, one.path))


def old(found: Sequence[Artefact], before: float, kind: str | None) -> list[Artefact]:
    """Return what was written before a moment; what is precious only where its kind is named."""
    return [one for one in found if one.used < before and (kind or one.kind not in PRECIOUS)]


def remove(found: Sequence[Artefact]) -> list[Artefact]:
    """Take artefacts out; return those that were left because another process uses them.

    Raises:
        StoreError: The cache cannot be written.
    """
    left = []
    for one in found:
        lock = one.path.parent / f"{one.path.name.partition('.')[0]}.lock"
        try:
            if lock.is_file():
                with FileLock(lock, timeout=0):
                    _remove(one.path)
            else:
                _remove(one.path)
        except Timeout:
            left.append(one)
        except OSError as error:
            raise StoreError(f"cannot remove {one.path}: {error.strerror or error}") from error
    return left


def _inside(folder: Path) -> Iterator[Path]:
    """Yield artefacts; answers lie one folder deeper, by the first two digits of their keys."""
    for path in sorted(folder.iterdir()):
        if folder.name == "answers" and path.is_dir():
            yield from (inner for inner in sorted(path.iterdir()) if _counts(inner))
        elif _counts(path):
            yield path


def _counts(path: Path) -> bool:
    # Locks stay: one that is removed while somebody waits for it guards nothing.
    return path.suffix != ".lock" and not path.name.startswith(".")


def _measured(path: Path) -> tuple[int, float]:
    """Return bytes, and when it was last written; a file that vanishes meanwhile counts 0."""
    size, used = 0, 0.0
    for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
        try:
            status = file.stat()
        except FileNotFoundError:
            continue
        if file.is_file():
            size, used = size + status.st_size, max(used, status.st_mtime)
        elif file == path:
            used = max(used, status.st_mtime)
    return size, used


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
