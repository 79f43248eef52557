"""The weight files of an adapter's folder: which they are, what they hold, what they hash to.

Two kinds of folder are known: a PEFT adapter (`adapter_config.json` and
`adapter_model.safetensors`) and a whole model of full fine-tuning (`config.json` and
`model.safetensors`, or its shards with their index). Nothing here unpickles anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.errors import CandidateError
from benchmark.keys import sha256_of_file, sha256_of_rows

ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
MODEL = "model.safetensors"
INDEX = "model.safetensors.index.json"
MODEL_CONFIG = "config.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
"""Formats that run code when they are read."""


class Tensor(NamedTuple):
    """What a safetensors header says of one tensor."""

    dtype: str
    """"F32", "BF16", ..."""
    shape: tuple[int, ...]


def is_full(folder: Path) -> bool:
    """Tell whether a folder holds a whole model rather than a PEFT adapter."""
    if (folder / ADAPTER).is_file() or (folder / ADAPTER_CONFIG).is_file():
        return False
    return any((folder / name).is_file() for name in (MODEL, INDEX))


def files_of(folder: Path, name: str = "") -> list[Path]:
    """Return the weight files of an adapter's folder, in the order of their names.

    Args:
        folder: A PEFT adapter's or a whole model's.
        name: What messages call it; default: its path.

    Raises:
        CandidateError: No such folder, no weights, only pickled ones, or a shard is missing.
    """
    name = name or str(folder)
    if not folder.is_dir():
        raise CandidateError(f"there is no adapter folder {name}", hint="name an existing folder")
    if not is_full(folder):
        files, config = [folder / ADAPTER], ADAPTER_CONFIG
    else:
        files = _shards(folder, name) if (folder / INDEX).is_file() else [folder / MODEL]
        config = MODEL_CONFIG
    missing = [path for path in files if not path.is_file()]
    if missing:
        pickled = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
        if pickled:
            raise CandidateError(
                f"{name} holds only pickled weights ({pickled[0]!r}), which can run code",
                hint="save them as safetensors where you trust them: "
                "model.save_pretrained(folder, safe_serialization=True)",
            )
        raise CandidateError(
            f"{name} holds no {missing[0].name}",
            hint="name the folder of a PEFT adapter, or of a model saved as safetensors",
        )
    if not (folder / config).is_file():
        raise CandidateError(
            f"{name} holds no {config}", hint="copy it from where the weights were trained"
        )
    return files


def _shards(folder: Path, name: str) -> list[Path]:
    try:
        content = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        names = sorted(set(content["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CandidateError(f"{name}: {INDEX} cannot be read", hint="copy it again") from error
    odd = [shard for shard in names if Path(str(shard)).name != shard]
    if odd or not names:
        raise CandidateError(f"{name}: {INDEX} names no file of this folder: {odd[:1]!r}")
    return [folder / shard for shard in names]


def tensors_of(files: list[Path], name: str) -> dict[str, Tensor]:
    """Return what the headers say, by tensor name; no weights are read.

    Raises:
        CandidateError: A file is damaged: cut off, or with a header that does not fit it.
    """
    found: dict[str, Tensor] = {}
    for path in files:
        with _opened(path, name) as content:
            for tensor in content.keys():
                part = content.get_slice(tensor)
                found[tensor] = Tensor(part.get_dtype(), tuple(part.get_shape()))
    return found


def check_finite(files: list[Path], name: str) -> None:
    """Read all values once.

    Raises:
        CandidateError: One of them is NaN or infinite.
    """
    import torch

    for path in files:
        with _opened(path, name) as content:
            for tensor in content.keys():
                values = content.get_tensor(tensor)
                if not values.is_floating_point():
                    continue
                # Formats of 8 bits cannot be asked as they are.
                if not torch.isfinite(values.float()).all():
                    raise CandidateError(
                        f"{name}: {tensor!r} holds values that are no numbers (NaN or infinite)",
                        hint="its training has diverged: lower the learning rate and train again",
                    )


def sha256_of(folder: Path) -> str:
    """Return the hash of the weights: the file's, or for several that of their names and hashes."""
    files = files_of(folder)
    if len(files) == 1:
        return sha256_of_file(files[0])
    return sha256_of_rows(f"{path.name} {sha256_of_file(path)}" for path in files)


def identity_of(folder: Path, digest: str) -> str:
    """Return a hash of all that decides what an adapter does: its weights and their settings.

    The weights alone do not: `lora_alpha` scales them and stands in the configuration.

    Args:
        folder: The adapter's.
        digest: What `sha256_of` says of it.
    """
    config = MODEL_CONFIG if is_full(folder) else ADAPTER_CONFIG
    return sha256_of_rows([digest, sha256_of_file(folder / config)])


def dtype_of(files: list[Path], name: str) -> str:
    """Return torch's name of the number format that most of the values have."""
    sizes: dict[str, int] = {}
    for tensor in tensors_of(files, name).values():
        sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + math.prod(tensor.shape)
    most = max(sizes, key=lambda dtype: sizes[dtype], default="F32")
    return {"BF16": "bfloat16", "F16": "float16"}.get(most, "float32")


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as content:
            yield content
    except (SafetensorError, OSError) as error:
        raise CandidateError(
            f"{name}: {path.name!r} is damaged: {printable(error)}", hint="copy or train it again"
        ) from error


def printable(error: object, limit: int = 300) -> str:
    """Return a text on one line, without characters that a terminal would obey."""
    text = " ".join(str(error).split()) or type(error).__name__
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
