"""Vectors of texts, each made once ever: kept by content, shared by candidates, suites and runs.

::

    <cache>/vectors/<encoder>/<2 digits>/<text>.safetensors    mapped into memory, not read
                   /<encoder>.lock                             held while vectors are made

`<encoder>` is the hash of all that can change a vector but the text: the weights, the layer, the
longest text, the libraries, this code. Token vectors are float32: unit vectors of RoBERTa-like
encoders have one or two huge components, which float16 rounds by more than BERTScore's digits.
That is 1.5 kB a token at a width of 384, so the folder has a bound (see `prune`).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmark.encoders import Encoded, Encoder, encoded, is_cut, load
from benchmark.errors import ConfigError, StoreError
from benchmark.files import cache_root, write_bytes
from benchmark.keys import code_version, key

if TYPE_CHECKING:
    import torch

BLOCK = 256
"""Texts that are encoded under one hold of the lock; another process gets its turn after it."""
BOUND = "BENCH_VECTORS_GB"
"""Environment variable: gigabytes that all vectors may take."""
GIGABYTES = 10.0
"""Default of the same."""


class Kept(NamedTuple):
    """The vectors of one text."""

    vectors: torch.Tensor
    """Of its tokens, shape (tokens, width); or of the whole, shape (1, width). Private to the
    reader: what is written to them never reaches the file."""
    ids: torch.Tensor
    """Its tokens, special ones included. Shape: (tokens,)."""
    ends: torch.Tensor
    """The special tokens that begin and end each text."""
    cut: bool
    """Whether it was longer than the encoder reads."""


class Vectors:
    """An encoder's vectors, from the cache or made now.

    Attributes:
        made: Texts that went through the encoder.
    """

    def __init__(
        self,
        model: str,
        who: str,
        *,
        layers: int | None = None,
        max_length: int | None = None,
        tokens: Callable[[Encoder, str], list[int]] | None = None,
        pool: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        """Name an encoder; it is loaded when a text comes that has no vectors yet.

        Args:
            model: A package reference.
            who: What needs it, for messages.
            layers: As in `encoders.load`.
            max_length: As in `encoders.load`.
            tokens: As in `encoders.encoded`.
            pool: One vector for a text's many; None: all are kept.

        Raises:
            FetchError: The model cannot be had.
        """
        import torch
        import transformers

        from benchmark.models import local_model

        self._model = local_model(model)
        self._who, self._layers, self._max_length = who, layers, max_length
        self._tokens, self._pool = tokens, pool
        name = key(
            weights=self._model.sha256,
            layers=layers,
            max_length=max_length,
            tokens=getattr(tokens, "__qualname__", ""),
            pool=getattr(pool, "__qualname__", ""),
            versions=[str(torch.__version__), transformers.__version__],
            code=[code_version("benchmark.encoders"), code_version(__name__)],
        )
        self._folder = cache_root() / "vectors" / name
        self.made = 0

    def ready(self, texts: Sequence[str]) -> None:
        """Make the vectors of all texts that have none, so that `of` finds them.

        Raises:
            FetchError: The encoder cannot be loaded.
            ConfigError: It has fewer layers than asked for, or reads fewer tokens.
            StoreError: The cache cannot be written.
        """
        missing = [text for text in dict.fromkeys(texts) if not self._path(text).is_file()]
        # Longest first over all, so that the texts of a block are of about one length.
        missing.sort(key=lambda text: (-len(text), text))
        for start in range(0, len(missing), BLOCK):
            block = missing[start : start + BLOCK]
            with self._lock():
                # Another process may have made some while this one waited.
                for _ in self._make([text for text in block if not self._path(text).is_file()]):
                    pass  # written; memory holds one text's vectors
        if missing:
            prune()

    def of(self, text: str) -> Kept:
        """Return the vectors of a text. A damaged file, or one that is gone, is made anew."""
        found = _read(self._path(text))
        if found is None:
            with self._lock():
                (found,) = self._make([text])
        return found

    def _make(self, texts: Sequence[str]) -> Iterator[Kept]:
        """Encode texts, write their files and give what is in them. Needs the lock."""
        if not texts:
            return
        encoder = load(
            self._model.path, self._who, layers=self._layers, max_length=self._max_length
        )
        for one in encoded(encoder, texts, self._tokens):
            text = texts[one.position]
            kept = self._kept(encoder, text, one)
            _write(self._path(text), kept)
            self.made += 1
            yield kept

    def _kept(self, encoder: Encoder, text: str, one: Encoded) -> Kept:
        import torch

        vectors = one.vectors if self._pool is None else self._pool(one.vectors)[None]
        ids = torch.tensor(one.ids, dtype=torch.int32)
        ends = (encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id)
        marks = torch.tensor([end for end in ends if end is not None], dtype=torch.int32)
        return Kept(vectors.contiguous(), ids, marks, is_cut(encoder, text, one.ids))

    def _path(self, text: str) -> Path:
        name = key(text=text)
        return self._folder / name[:2] / f"{name[2:]}.safetensors"

    def _lock(self) -> Any:
        from filelock import FileLock

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        return FileLock(f"{self._folder}.lock")


def prune(gigabytes: float | None = None) -> int:
    """Remove the vectors that were used longest ago until the rest fits the bound.

    Whoever needs them again makes them again: they are a matter of time, never of numbers.

    Args:
        gigabytes: The bound; None: what `BENCH_VECTORS_GB` says, else 10.

    Returns:
        Bytes that were removed.

    Raises:
        ConfigError: `BENCH_VECTORS_GB` is no number.
    """
    bound = 1e9 * (_bound() if gigabytes is None else gigabytes)
    files = []
    for path in (cache_root() / "vectors").glob("*/*/*.safetensors"):
        with suppress(OSError):  # another process prunes too
            state = path.stat()
            files.append((state.st_mtime_ns, state.st_size, path))
    total, removed = sum(size for _, size, _ in files), 0
    for _, size, path in sorted(files):
        if total - removed <= bound:
            break
        with suppress(OSError):
            path.unlink()
        removed += size
    return removed


def _bound() -> float:
    said = os.environ.get(BOUND, "")
    try:
        bound = float(said) if said else GIGABYTES
    except ValueError:
        bound = -1.0
    if not bound >= 0:
        raise ConfigError(f"{BOUND}={said} is no number of gigabytes", hint=f"{BOUND}=10")
    return bound


def _read(path: Path) -> Kept | None:
    """Map a file into memory; None where it is not there, or not what was written."""
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            said = file.metadata()
            vectors, ids, ends = (file.get_tensor(name) for name in ("vectors", "ids", "ends"))
            kept = Kept(vectors, ids, ends, said["cut"] == "1")
        if _sum_of(kept) != said["crc32"]:
            return None
        os.utime(path)  # read now: what `prune` goes by, since few disks keep times of reading
    except (OSError, SafetensorError, KeyError, TypeError):
        return None
    return kept if kept.vectors.dtype == torch.float32 and kept.vectors.ndim == 2 else None


def _write(path: Path, kept: Kept) -> None:
    """Write a file whole or not at all; no fsync, for a damaged one shows by its checksum."""
    from safetensors.torch import save

    said = {"cut": str(int(kept.cut)), "crc32": _sum_of(kept)}
    content = save({"vectors": kept.vectors, "ids": kept.ids, "ends": kept.ends}, metadata=said)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content, durable=False)
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def _sum_of(kept: Kept) -> str:
    total = 0
    for part in (kept.vectors, kept.ids, kept.ends):
        total = zlib.crc32(part.numpy().data, total)
    return str(total)


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write the cache {folder}: {error.strerror or error}",
        hint="set BENCH_CACHE to a folder with room that you may write to",
    )
