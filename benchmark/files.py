"""Where files go: the cache, and what a user asked for, there whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark.errors import StoreError


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Give a path beside `target` that becomes it when the `with` ends well.

    Nothing is at the path yet: the caller makes a file or a folder there.

    Raises:
        StoreError: `target` is there already, or the disk cannot be written.
    """
    check_free(target)
    scratch = target.parent / f".{target.name}.part-{os.getpid()}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield scratch
        os.replace(scratch, target)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        if scratch.is_dir():
            shutil.rmtree(scratch)
        else:
            scratch.unlink(missing_ok=True)


def check_free(target: Path) -> None:
    """Refuse to overwrite. Raises StoreError where `target` is there already."""
    if os.path.lexists(target):
        raise StoreError(f"{target} is there already", hint="choose another name, or remove it")


def cache_root() -> Path:
    """Return the cache folder: `BENCH_CACHE`, else the platform's."""
    chosen = os.environ.get("BENCH_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("bench"))


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a path beside `target` that takes its place when the `with` ends well.

    Nothing is at the path yet: the caller makes a file there. A reader sees the old file or the
    new one, never half of one.
    """
    scratch = target.with_name(f".{target.name[:100]}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        yield scratch
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file whole: after a crash it has its old content or its new one.

    Args:
        path: The file; its folder is there.
        content: What it holds.
        durable: Wait until the disk has it. Without, a crash of the machine can leave a file
            without its content: for those that are checked when they are read.
    """
    with replacing(path) as scratch, scratch.open("xb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Write a file whole, as UTF-8: after a crash it has its old content or its new one."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))
