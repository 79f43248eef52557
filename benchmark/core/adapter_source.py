"""From what a candidate's `adapter:` says to a folder on this disk.

A folder, one of our own adapters (`cache:...`), or a package reference: a hub id with or without
`@revision`, `pip:`, `npm:`, or the address of an archive as `bench adapters export` makes it.
"""

from __future__ import annotations

from pathlib import Path

from benchmark.core import adapters
from benchmark.core.store import Cache
from benchmark.errors import CandidateError
from benchmark.keys import key
from benchmark.progress import Progress
from benchmark.references import Fetched, fetch, parse
from benchmark.references.unpack import unpack

ARCHIVES = (".tar.gz", ".tgz", ".zip", ".whl")
KIND = "unpacked"


def folder_of(name: str, progress: Progress) -> Path:
    """Return where an adapter is, fetched if need be. What is in it is not looked at.

    Raises:
        CandidateError: It is a file, and no archive.
        ConfigError: It is no reference, or names a folder that is not there.
        FetchError: It cannot be fetched, or the archive is damaged or unsafe.
        StoreError: `cache:...` names none, or several.
    """
    if name.startswith("cache:"):
        return adapters.find(name).path
    local = Path(name).expanduser()
    if local.is_dir():
        return local
    fetched = fetch(parse(name), progress)
    return fetched.path if fetched.path.is_dir() else _unpacked(fetched)


def inner(folder: Path) -> Path:
    """Return the one folder inside, where the files do not lie at the top."""
    inside = [path for path in folder.iterdir() if path.is_dir()]
    flat = any(path.suffix == ".safetensors" for path in folder.iterdir())
    return inside[0] if len(inside) == 1 and not flat else folder


def _unpacked(fetched: Fetched) -> Path:
    if not fetched.path.name.endswith(ARCHIVES):
        raise CandidateError(
            f"{fetched.label} is a file, and an adapter is a folder",
            hint="name the folder, or a .tar.gz file as `bench adapters export` makes it",
        )
    cache, name = Cache(), key(archive=fetched.sha256)
    with cache.lock(KIND, name):
        folder = cache.path(KIND, name)
        if not folder.is_dir():
            with cache.folder(KIND, name) as scratch:
                unpack(fetched.path, "", scratch, fetched.label)
    return inner(folder)
