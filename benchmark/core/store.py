"""The only reader and writer of the cache and of run folders.

The cache is content-addressed: `<cache>/<kind>/<key>`. A run folder is what a person reads.
Nothing is ever half-written: a file appears whole (temporary name, fsync, rename), or grows
by whole lines, and a last line that was cut by a crash is dropped when it is read.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from benchmark.errors import BenchError, StoreError
from benchmark.files import write_text
from benchmark.records import Record
from benchmark.references import cache_root

R = TypeVar("R", bound=Record)


class Cache:
    """Artefacts by kind and key."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_root()

    def path(self, kind: str, name: str) -> Path:
        """Return where an artefact is or will be; its parent folder exists afterwards."""
        folder = self.root / kind
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"cannot write the cache {folder}: {error.strerror}",
                hint="set BENCH_CACHE to a folder that you can write",
            ) from error
        return folder / name

    @contextmanager
    def folder(self, kind: str, name: str) -> Iterator[Path]:
        """Give a scratch folder that becomes the artefact when the `with` ends well."""
        final = self.path(kind, name)
        scratch = Path(tempfile.mkdtemp(prefix=".writing-", dir=final.parent))
        try:
            yield scratch
            os.replace(scratch, final)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @contextmanager
    def lock(self, kind: str, name: str) -> Iterator[None]:
        """Hold an artefact, so that a second process waits and then finds it done."""
        with FileLock(f"{self.path(kind, name)}.lock"):
            yield


class RunFolder:
    """`reports/<suite>/<run-id>/`: one run's outputs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run_id = path.name

    @classmethod
    @contextmanager
    def opened(cls, reports: Path, suite: str, fingerprint: str) -> Iterator[RunFolder]:
        """Give the folder of this fingerprint: the one it had before, or a new one.

        Raises:
            StoreError: The folder cannot be written, or another process runs in it.
        """
        parent = reports / suite
        try:
            parent.mkdir(parents=True, exist_ok=True)
            known = sorted(parent.glob(f"*-{fingerprint[:8]}"))
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            path = known[-1] if known else parent / f"{stamp}-{fingerprint[:8]}"
            path.mkdir(exist_ok=True)
            lock = FileLock(path / ".lock", timeout=0)
            lock.acquire()
        except Timeout as error:
            raise StoreError(
                f"another bench is running in {path}", hint="wait for it, or stop it"
            ) from error
        except OSError as error:
            raise StoreError(
                f"cannot write the reports folder {parent}: {error.strerror}",
                hint="choose another with --reports DIR",
            ) from error
        new = not known
        try:
            yield cls(path)
        except BenchError:
            if new:  # it could not even start: leave nothing behind
                shutil.rmtree(path, ignore_errors=True)
                if not any(parent.iterdir()):
                    parent.rmdir()
            raise
        finally:
            lock.release()

    def point_latest(self) -> None:
        """Make `latest` beside the run folder lead to it."""
        link = self.path.parent / "latest"
        scratch = self.path.parent / f".latest-{os.getpid()}"
        scratch.unlink(missing_ok=True)
        try:
            scratch.symlink_to(self.path.name, target_is_directory=True)
            os.replace(scratch, link)
        except OSError:
            # No symbolic links here (some Windows and network drives): a file that names it.
            write_text(self.path.parent / "latest.txt", f"{self.path.name}\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the folder, whole."""
        write_text(self.path / name, text)

    def write_rows(self, name: str, rows: Iterable[Record]) -> Path:
        """Write records as JSON lines, whole."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, "".join(row.model_dump_json() + "\n" for row in rows))
        return path

    def read_rows(self, name: str, record: type[R]) -> list[R]:
        """Read records back.

        Raises:
            StoreError: The file is missing or is not what this version writes.
        """
        path = self.path / name
        try:
            # Not splitlines(): it also splits at the line separators that an answer may hold.
            with path.open(encoding="utf-8", newline="\n") as lines:
                return [record.model_validate_json(line) for line in lines]
        except FileNotFoundError as error:
            raise StoreError(f"{path} is missing", hint="run the suite again") from error
        except ValueError as error:
            raise StoreError(f"{path} cannot be read by this version of bench") from error


def append_line(path: Path, value: Any) -> None:
    """Add one JSON line and wait until the disk has it."""
    line = json.dumps(value, ensure_ascii=True) + "\n"
    with path.open("a", encoding="ascii") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path) -> list[Any]:
    """Read JSON lines; a last line without its end, cut by a crash, is taken off the file.

    Raises:
        ValueError: A line before the last is broken.
    """
    if not path.is_file():
        return []
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        os.truncate(path, end)
    return [json.loads(line) for line in content[:end].splitlines()]
