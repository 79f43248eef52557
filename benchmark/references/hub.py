"""Models on the hub, through `huggingface_hub` and its own cache, shared with other tools."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import FetchError
from benchmark.keys import sha256_of_file, sha256_of_rows
from benchmark.progress import Progress
from benchmark.references.cache import Fetched, offline
from benchmark.references.syntax import Reference

MODEL_FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken"]
"""Weights, configuration and tokenizer. No pickles: those run code when they are loaded."""


def snapshot(reference: Reference, progress: Progress) -> Fetched:
    """Return the folder of a model at one commit; the label names the commit.

    Raises:
        FetchError: No such model, no access, or no network on the first fetch.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    shown = not are_progress_bars_disabled()
    disable_progress_bars()  # two bars on one terminal overwrite each other
    try:
        with progress.step(f"fetch {reference.label}"):
            folder = Path(
                snapshot_download(
                    reference.name,
                    revision=reference.version or None,
                    allow_patterns=MODEL_FILES,
                    local_files_only=offline(),
                )
            )
    except (OSError, HFValidationError) as error:
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        raise FetchError(
            f"{reference.label}: not fetched from the hub: {first}",
            hint="check the name, your access and the network, or name a local folder or a package",
        ) from error
    finally:
        if shown:
            enable_progress_bars()
    # The folder's name is the commit; a file is a link to a blob that is named by its hash.
    rows = sorted(
        f"{file.relative_to(folder).as_posix()} {_digest(file)}"
        for file in folder.rglob("*")
        if file.is_file()
    )
    if not rows:
        raise FetchError(f"{reference.label} has no model files", hint="check the name")
    label = f"hub:{reference.name}@{folder.name}"
    return Fetched(folder, sha256_of_rows(rows), label)


def _digest(file: Path) -> str:
    return file.resolve().name if file.is_symlink() else sha256_of_file(file)
