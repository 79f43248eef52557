"""The cache folder: one entry a reference, put in place whole or not at all.

::

    <cache>/packages/<kind>-<name>-<key>/manifest.json    what it is; written last
                                        /files/...        what was fetched
                     <kind>-<name>-<key>.lock             held while it is being fetched
                     <kind>-<name>-<key>.part/            a fetch that is going on, or was killed
                     <kind>-<name>-<key>.broken/          an entry that did not match its manifest
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import StoreError
from benchmark.keys import key
from benchmark.progress import Progress
from benchmark.references.syntax import Reference


@dataclass(frozen=True, slots=True)
class Fetched:
    """What `fetch` gives.

    Attributes:
        path: The file or folder. Read it, never write to it.
        sha256: Of the archive or file that was downloaded; for a local folder, of the names
            and contents of its files; for a model on the hub, of its files' names and hashes.
        label: The reference that it came from, for reports.
    """

    path: Path
    sha256: str
    label: str = ""


def offline() -> bool:
    """Tell whether `BENCH_OFFLINE` forbids to fetch anything."""
    return os.environ.get("BENCH_OFFLINE", "") not in ("", "0")


class Entry:
    """The place of one reference in the cache."""

    def __init__(self, reference: Reference, root: Path) -> None:
        parts = (
            reference.kind,
            reference.name,
            reference.version,
            reference.path,
            reference.sha256,
        )
        name = re.sub(r"[^A-Za-z0-9.]+", "-", reference.name)[-60:].strip("-.")
        self.reference = reference
        self.folder = root / "packages" / f"{reference.kind}-{name}-{key(reference=parts)}"
        self.part = self.folder.with_name(self.folder.name + ".part")

    def read(self) -> Fetched | None:
        """Return what is cached; None when there is nothing, or nothing that can be used."""
        manifest = self._manifest()
        return self._fetched(manifest["sha256"]) if manifest else None

    @contextmanager
    def lock(self, progress: Progress) -> Iterator[None]:
        """Hold the entry, so that of two processes one fetches and the other waits."""
        from filelock import FileLock, Timeout

        with writing(self.folder):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(f"{self.folder}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                progress.say(f"waiting: another process is fetching {self.reference.label}")
                lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def clear(self, progress: Progress) -> None:
        """Make room: remove a killed fetch, set a damaged entry aside. Needs the lock."""
        with writing(self.folder):
            if self.folder.exists():
                broken = self.folder.with_name(self.folder.name + ".broken")
                remove(broken)
                os.replace(self.folder, broken)
                progress.say(
                    f"{self.reference.label}: the cached copy is damaged; "
                    f"set aside as {broken.name}, fetching again"
                )
            remove(self.part)
            (self.part / "files").mkdir(parents=True)

    def commit(self, sha256: str, files: dict[str, int]) -> Fetched:
        """Put `part/files` in place, with its manifest. Needs the lock."""
        manifest = {"reference": self.reference.text, "sha256": sha256, "files": files}
        with writing(self.folder):
            with (self.part / "manifest.json").open("w", encoding="utf-8") as file:
                json.dump(manifest, file, indent=1, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            os.replace(self.part, self.folder)
        return self._fetched(sha256)

    def _manifest(self) -> dict[str, Any] | None:
        try:
            manifest = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
            sizes: dict[str, int] = manifest["files"]
            whole = all(
                (self.folder / "files" / name).stat().st_size == size
                for name, size in sizes.items()
            )
            known = isinstance(manifest["sha256"], str) and bool(sizes)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # not there, or not what `commit` wrote: `clear` says so and sets it aside
        return manifest if whole and known else None

    def _fetched(self, sha256: str) -> Fetched:
        path = self.folder / "files"
        inner = self.reference.path or self.file_name()
        return Fetched(path / inner if inner else path, sha256, self.reference.label)

    def file_name(self) -> str:
        """Return what a downloaded single file is called in the cache; "" for packages."""
        if self.reference.kind != "https":
            return ""
        from urllib.parse import unquote, urlsplit

        last = unquote(urlsplit(self.reference.name).path).rpartition("/")[2]
        return re.sub(r"[^\w.-]+", "-", last)[-100:].lstrip(".-") or "file"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn an OSError of the cache into one line."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write the cache: {error.strerror or error}",
            where=str(folder.parent),
            hint="set BENCH_CACHE to a folder with room that you may write to",
        ) from error


def remove(folder: Path) -> None:
    """Remove a folder if it is there."""
    if folder.exists():
        shutil.rmtree(folder)
