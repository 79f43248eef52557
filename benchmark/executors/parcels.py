"""Folders on their way between machines: packed once, found by their content.

A parcel travels through Ray's object store, or through a folder or bucket that all machines
reach (any URL of fsspec: `s3://`, `gs://`, `file://`). Credentials are those that the client of
that storage finds in the environment; none is asked for, kept or shown here.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.errors import StoreError


class Parcel(NamedTuple):
    """A packed folder: where it lies, or its bytes (or a reference of Ray to them)."""

    url: str = ""
    content: Any = b""


def pack(folder: Path, store: str, name: str) -> Parcel:
    """Pack a folder; with a `store`, put it there as `<store>/<name>.tar` unless it is there."""
    if not store:
        buffer = io.BytesIO()
        _write(folder, buffer)
        return Parcel(content=buffer.getvalue())
    import fsspec

    url = f"{store.rstrip('/')}/{name}.tar"
    with _told(store):
        system, path = fsspec.core.url_to_fs(url)
        if not system.exists(path):
            system.makedirs(system._parent(path), exist_ok=True)
            part = f"{path}.{_unique()}"
            with system.open(part, "wb") as file:
                _write(folder, file)
            system.mv(part, path)  # whole, or not there
    return Parcel(url=url)


def unpack(parcel: Parcel, folder: Path) -> None:
    """Write a parcel's files into a folder that exists."""
    if not parcel.url:
        with tarfile.open(fileobj=io.BytesIO(parcel.content), mode="r|") as archive:
            archive.extractall(folder, filter="data")
        return
    import fsspec

    with _told(parcel.url), fsspec.open(parcel.url, "rb") as file:
        with tarfile.open(fileobj=file, mode="r|") as archive:
            archive.extractall(folder, filter="data")


def check(store: str) -> None:
    """Write to a store and read back. Raises StoreError, naming the store and the reason."""
    import fsspec

    with _told(store):
        system, path = fsspec.core.url_to_fs(f"{store.rstrip('/')}/.bench-{_unique()}")
        system.makedirs(system._parent(path), exist_ok=True)
        system.pipe_file(path, b"bench")
        system.rm_file(path)


def _write(folder: Path, file: Any) -> None:
    with tarfile.open(fileobj=file, mode="w|") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                # Hub caches hold links to blobs: what is at their end travels.
                archive.add(path.resolve(), path.relative_to(folder).as_posix(), recursive=False)


def _unique() -> str:
    from uuid import uuid4

    return uuid4().hex[:12]


@contextmanager
def _told(store: str) -> Iterator[None]:
    """Turn whatever a storage client throws into one line; its text may hold what it was given."""
    try:
        yield
    except ImportError as error:
        what = f"executor.store {shown(store)} needs the package {error.name or error}"
        raise StoreError(what, hint="install it on every node") from error
    except Exception as error:
        # Only the kind: clients put keys and signed URLs into their messages.
        what = f"executor.store {shown(store)} cannot be used: {type(error).__name__}"
        hint = "can this process write there? credentials come from the environment"
        raise StoreError(what, hint=hint) from error


def shown(store: str) -> str:
    """Return a URL without user, password and query."""
    from urllib.parse import urlsplit

    parts = urlsplit(store)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts[0] else store
