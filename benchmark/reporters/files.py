"""Writes a report whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from benchmark.errors import StoreError


def write_text(path: Path, text: str) -> Path:
    """Write `text` as UTF-8 and return `path`; a reader never sees half a file.

    Args:
        path: The file; folders above it are made.
        text: What it holds. Lone surrogates, which UTF-8 cannot hold, become "?".

    Raises:
        StoreError: The file cannot be written.
    """
    # The process id keeps two runs that share a folder from writing one temporary file.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(text.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):  # the first error is the one worth telling
            temporary.unlink()
        raise StoreError(
            f"cannot write the report: {error.strerror or error}",
            where=str(path),
            hint="free space or make the folder writable, then run the same command again",
        ) from error
    return path
