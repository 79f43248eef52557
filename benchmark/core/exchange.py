"""Adapters out of the cache and into it: export and import of folders and archives."""

from __future__ import annotations

import gzip
import json
import math
import re
import shutil
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.core.adapter_source import inner
from benchmark.core.adapters import KIND, Entry, evaluations, find
from benchmark.core.store import Cache
from benchmark.errors import StoreError
from benchmark.files import appearing
from benchmark.keys import key
from benchmark.manifests import AdapterOrigin
from benchmark.models import LocalModel
from benchmark.references.unpack import unpack
from benchmark.training import fit, manifest, weights

ARCHIVES = (".tar.gz", ".tgz")
_KEPT = (".safetensors", ".json", ".jsonl", ".jinja", ".model", ".txt", ".md")
"""Weights, settings, tokenizer, model card. Never a pickle, a script or an optimizer's state."""


class Imported(NamedTuple):
    """What an import did."""

    entry: Entry
    new: bool
    """False: the cache had it."""
    left_out: tuple[str, ...]
    """Names of files that were not taken over."""


def export(entry: Entry, target: Path) -> list[str]:
    """Copy an adapter to a new folder, or to an archive if the name ends in .tar.gz or .tgz.

    Returns:
        The names of the files in it.

    Raises:
        CandidateError: The adapter is damaged.
        StoreError: The target is there already, or cannot be written.
    """
    fit.check(entry.path, None)
    names = _kept(entry.path)
    with appearing(target) as scratch:
        if target.name.endswith(ARCHIVES):
            _pack(entry.path, names, scratch, entry.short)
        else:
            scratch.mkdir()
            for name in names:
                shutil.copyfile(entry.path / name, scratch / name)
    return names


def base_of(entry: Entry) -> str:
    """Return the base that an adapter names. Raises StoreError where it names none."""
    known = entry.manifest or entry.imported
    named: Any = known.base if known else ""
    if not known and not weights.is_full(entry.path):
        weights.files_of(entry.path)
        try:
            content = json.loads((entry.path / weights.ADAPTER_CONFIG).read_text(encoding="utf-8"))
            named = content["base_model_name_or_path"]
        except (OSError, ValueError, KeyError, TypeError):
            named = ""
    if not named or not isinstance(named, str):
        raise StoreError(f"{entry.path} does not say which base it is for", hint="give --base")
    return named


def take_in(source: str, base: LocalModel | None = None) -> Imported:
    """Check an adapter from elsewhere and put it into the cache.

    It keeps the key that its manifest names, if it has one; else its key is the hash of its
    weights and configuration. The same adapter again changes nothing.

    Args:
        source: A folder, or an archive as `export` makes it.
        base: The model it belongs to, if it is at hand: then names and shapes are checked too.

    Raises:
        CandidateError: It is damaged, pickled, or does not fit the base.
        FetchError: The archive is damaged or unsafe.
        StoreError: No such file; or the cache holds another adapter under this key.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return _taken(path, source, base)
    if not path.is_file() or not path.name.endswith(ARCHIVES):
        what = "is no folder and no archive" if path.is_file() else "is not there"
        raise StoreError(f"{source} {what}", hint="name a folder, or a .tar.gz file of one")
    cache = Cache()
    # Unpacked inside the cache: there is room for it there, or the import could not end well.
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=cache.path(KIND, "x").parent) as room:
        unpack(path, "", Path(room), source)
        return _taken(inner(Path(room)), source, base)


def _taken(folder: Path, source: str, base: LocalModel | None) -> Imported:
    links = sorted(path.name for path in folder.iterdir() if path.is_symlink())
    if links:
        raise StoreError(
            f"{source} holds a link ({links[0]!r})", hint="copy the file itself in its place"
        )
    checked = fit.check(folder, base, source)
    evaluations(folder)  # one that cannot be read is refused before anything is copied
    name = _key_of(checked)
    cache, kept = Cache(), _kept(folder)
    left_out = tuple(sorted(path.name for path in folder.iterdir() if path.name not in kept))
    with cache.lock(KIND, name):
        there = cache.path(KIND, name)
        if there.exists():
            if fit.check(there, None).sha256 != checked.sha256:
                raise StoreError(
                    f"the cache holds another adapter under the key {name[:8]} of {source}",
                    hint=f"export or remove that one first: {there}",
                )
            return Imported(find(name), False, left_out)
        with cache.folder(KIND, name) as scratch:
            for file in kept:
                shutil.copyfile(folder / file, scratch / file)
            manifest.write_origin(scratch, _origin(checked, source, base))
            if fit.check(scratch, None, source).sha256 != checked.sha256:
                raise StoreError(f"{source} was changed while it was read", hint="try again")
    return Imported(find(name), True, left_out)


def _key_of(checked: fit.Checked) -> str:
    named = checked.manifest.key if checked.manifest else ""
    # Checked letter by letter: it becomes the name of a folder.
    if re.fullmatch("[0-9a-f]{32}", named):
        return named
    return key(imported=checked.sha256)


def _origin(checked: fit.Checked, source: str, base: LocalModel | None) -> AdapterOrigin:
    made = checked.manifest
    named = (checked.config or {}).get("base_model_name_or_path")
    known = made.base_sha256 if made else None
    return AdapterOrigin(
        source=source,
        imported=datetime.now(UTC).isoformat(timespec="seconds"),
        method=checked.method,
        base=made.base if made else str(named or ""),
        base_sha256=base.sha256 if base else known,
        adapter_sha256=checked.weights_sha256,
        adapter_bytes=sum(path.stat().st_size for path in weights.files_of(checked.folder)),
        trainable_parameters=sum(math.prod(item.shape) for item in checked.tensors.values()),
        parameters=checked.config or {},
    )


def _kept(folder: Path) -> list[str]:
    """Return the names of the files that belong to an adapter."""
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_file() and path.suffix in _KEPT and not path.name.startswith(".")
    )


def _pack(folder: Path, names: list[str], target: Path, top: str) -> None:
    """Write a tar.gz that says nothing of the machine, nor of the time: the same bytes again."""
    with (
        target.open("xb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name in names:
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size = (folder / name).stat().st_size
            info.mode = 0o644
            with (folder / name).open("rb") as content:
                archive.addfile(info, content)
