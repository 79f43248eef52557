"""What an adapter was made from, kept beside its weights."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from benchmark.errors import StoreError
from benchmark.keys import sha256_of_file, sha256_of_rows
from benchmark.records import TrainingManifest

MANIFEST = "manifest.json"
LIBRARIES = ("accelerate", "peft", "torch", "transformers", "trl")
"""What decides a trained weight, besides our own code."""


def versions() -> dict[str, str]:
    """Return the versions of the training libraries."""
    return {name: version(name) for name in LIBRARIES}


def weights(folder: Path) -> list[Path]:
    """Return the files that hold what was trained: an adapter's, or a whole model's.

    Empty where there are none. Pickled files do not count: they are never loaded.
    """
    adapter = folder / "adapter_model.safetensors"
    if adapter.is_file():
        return [adapter]
    return sorted(folder.glob("model*.safetensors"))


def weights_sha256(folder: Path) -> str:
    """Return the hash of what was trained. Raises StoreError where there is nothing."""
    files = weights(folder)
    if not files:
        raise StoreError(f"{folder} holds no weights", hint="train again")
    if len(files) == 1:
        return sha256_of_file(files[0])
    return sha256_of_rows(f"{file.name} {sha256_of_file(file)}" for file in files)


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
