"""Fetches a reference: cache first, then the client of its kind, verify, unpack, keep."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import cache as remembered
from pathlib import Path

from benchmark.errors import ConfigError, FetchError
from benchmark.files import cache_root
from benchmark.keys import sha256_of_file, sha256_of_rows
from benchmark.progress import Progress, Tick
from benchmark.references.cache import Entry, Fetched, offline, writing
from benchmark.references.syntax import Reference, check, local_path, parse


def fetch(reference: str | Reference, progress: Progress, cache: Path | None = None) -> Fetched:
    """Return the file or folder that a reference names, downloaded at most once.

    Args:
        reference: A reference, or its text.
        progress: Where to show the download.
        cache: The cache folder; default: `cache_root()`.

    Raises:
        ConfigError: The text is no reference, or there is no such local path.
        FetchError: Not fetched: no network, no such package, wrong checksum, damaged archive.
        StoreError: The cache cannot be written.
    """
    found = parse(reference) if isinstance(reference, str) else reference
    if found.kind == "path":
        return _local(found)
    if found.kind == "hub":
        from benchmark.references.hub import snapshot

        return snapshot(found, progress)
    entry = Entry(found, cache or cache_root())
    cached = entry.read()
    if cached:
        return cached
    if offline():
        raise FetchError(
            f"{found.label} is not in the cache, and BENCH_OFFLINE is set",
            hint="unset it to fetch, or point BENCH_CACHE to a cache that has it",
        )
    with entry.lock(progress):
        # Another process may have fetched it while this one waited.
        return entry.read() or _download(entry, progress)


def fetch_first(
    references: Sequence[str | Reference], progress: Progress, cache: Path | None = None
) -> Fetched:
    """Return the first of several sources of the same thing that can be fetched.

    What is cached goes first, whatever its place, so that a source that does not work here
    is not tried at every run. A source that fails is named, with its reason, before the next
    is tried: above all one whose checksum differs.

    Raises:
        FetchError: None could be fetched; tells why, source by source.
    """
    found = [parse(item) if isinstance(item, str) else item for item in references]
    if not found:
        raise ValueError("no references")
    for item in found:
        if item.kind == "path":
            break  # always at hand, so the order decides from here on
        cached = Entry(item, cache or cache_root()).read()
        if cached:
            return cached
    failures: list[FetchError | ConfigError] = []
    for position, item in enumerate(found):
        try:
            return fetch(item, progress, cache)
        except (FetchError, ConfigError) as error:
            failures.append(error)
            if position + 1 < len(found):
                progress.say(f"{error}; trying {found[position + 1].label}")
    if len(failures) == 1:
        raise failures[0]
    reasons = " | ".join(f"({number}) {error}" for number, error in enumerate(failures, 1))
    raise FetchError(f"none of {len(found)} sources works: {reasons}") from failures[-1]


def _download(entry: Entry, progress: Progress) -> Fetched:
    reference = entry.reference
    entry.clear(progress)
    try:
        with progress.step(f"fetch {reference.label}", unit="B") as tick, writing(entry.folder):
            archive = _client(reference)(entry, tick)
            digest = sha256_of_file(archive)
            _verify(reference, digest)
            if reference.kind == "https":
                files = {archive.name: archive.stat().st_size}
            else:
                from benchmark.references.unpack import unpack

                files = unpack(archive, reference.path, entry.part / "files", reference.label)
                archive.unlink()
        if not reference.sha256:
            progress.say(f"{reference.label} has no checksum; to pin it add #sha256={digest}")
        return entry.commit(digest, files)
    finally:
        # Nothing half-written stays; after `commit` there is no such folder.
        shutil.rmtree(entry.part, ignore_errors=True)


def _client(reference: Reference) -> Callable[[Entry, Tick], Path]:
    from benchmark.references import clients, download

    if reference.kind == "pip":
        return lambda entry, tick: clients.pip(reference, entry.part, tick)
    if reference.kind == "npm":
        return lambda entry, tick: clients.npm(reference, entry.part, tick)

    def https(entry: Entry, tick: Tick) -> Path:
        target = entry.part / "files" / entry.file_name()
        download.download(reference.name, target, tick)
        return target

    return https


def _verify(reference: Reference, digest: str) -> None:
    if reference.sha256 and digest != reference.sha256:
        raise FetchError(
            f"{reference.label}: the checksum differs: expected {reference.sha256}, got {digest}",
            hint="find out why; if the new content is right, put its checksum in",
        )


def _local(reference: Reference) -> Fetched:
    check(reference)
    path = local_path(reference)
    try:
        digest = sha256_of_file(path) if path.is_file() else _sha256_of_folder(path)
    except OSError as error:
        raise FetchError(f"cannot read {reference.name}: {error.strerror or error}") from error
    _verify(reference, digest)
    return Fetched(path, digest, reference.label)


def _sha256_of_folder(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    rows = []
    for path in files:
        status = path.stat()
        digest = _sha256_of_state(path, status.st_size, status.st_mtime_ns)
        rows.append(f"{path.relative_to(folder).as_posix()} {digest}")
    return sha256_of_rows(rows)


@remembered
def _sha256_of_state(path: Path, _size: int, _changed: int) -> str:
    # A local model of gigabytes is asked for several times in one run, and read once.
    return sha256_of_file(path)
