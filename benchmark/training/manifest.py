"""What an adapter was made from, kept beside its weights."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from benchmark.errors import StoreError
from benchmark.manifests import AdapterOrigin, TrainingManifest

MANIFEST = "manifest.json"
ORIGIN = "imported.json"
LIBRARIES = ("accelerate", "peft", "torch", "transformers", "trl")
"""What decides a trained weight, besides our own code."""


def versions() -> dict[str, str]:
    """Return the versions of the training libraries."""
    return {name: version(name) for name in LIBRARIES}


def write(folder: Path, manifest: TrainingManifest) -> None:
    """Write `manifest.json` into an adapter's folder."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read(folder: Path) -> TrainingManifest | None:
    """Return the manifest of an adapter's folder; None where it has none (a foreign adapter).

    Raises:
        StoreError: There is one, but it cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        return TrainingManifest.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise StoreError(f"{path} is not a manifest of this version", hint="train again") from error


def write_origin(folder: Path, origin: AdapterOrigin) -> None:
    """Write `imported.json` into an adapter's folder."""
    (folder / ORIGIN).write_text(origin.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_origin(folder: Path) -> AdapterOrigin | None:
    """Return where an adapter was imported from; None for one that was not.

    Raises:
        StoreError: It says so, but cannot be read.
    """
    path = folder / ORIGIN
    if not path.is_file():
        return None
    try:
        return AdapterOrigin.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise StoreError(f"{path} cannot be read", hint="import it again") from error
