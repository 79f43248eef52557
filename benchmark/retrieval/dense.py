"""Search by the vectors of an encoder: mean of its tokens' vectors, compared by cosine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.store import Cache
from benchmark.encoders import Encoder, encoded, load, mean
from benchmark.keys import code_version, key, sha256_of_rows
from benchmark.metrics.text import encodable
from benchmark.models import local_model
from benchmark.progress import Progress, Tick

if TYPE_CHECKING:
    from benchmark.retrieval.search import Array


class Dense:
    """Texts by their vectors; what was encoded once is in the cache, by content."""

    floor = float("-inf")

    def __init__(self, texts: Sequence[str], model: str, progress: Progress) -> None:
        """Encode all texts. Raises FetchError, ConfigError."""
        self._model = model
        self._progress = progress
        self._texts = self._vectors(texts)

    def scores(self, questions: Sequence[str]) -> Iterator[Array]:
        """Give each question's cosine with all texts."""
        for vector in self._vectors(questions):
            yield self._texts @ vector

    def _vectors(self, texts: Sequence[str]) -> Array:
        """Return unit vectors. Shape: (texts, width)."""
        import numpy as np

        path = _place(texts, self._model, self._progress)
        cache = Cache()
        with cache.lock("vectors", path.name):
            known = _known(path, len(texts))
            if known is None:
                with self._progress.step(
                    f"encode {len(texts)} texts", total=len(texts), unit="texts"
                ) as tick:
                    encoder = load(local_model(self._model).path, "retrieval")
                    known = encode(texts, encoder, tick)
                _write(path, lambda file: np.save(file, known, allow_pickle=False))
        vectors: Array = known.astype(np.float64)
        return vectors


def is_cached(texts: Sequence[str], model: str, progress: Progress) -> bool:
    """Tell whether all vectors are there already."""
    return _known(_place(texts, model, progress), len(texts)) is not None


def encode(texts: Sequence[str], encoder: Encoder, tick: Tick) -> Any:
    """Return the unit vectors of texts (see `encoders.mean`), in float32. Shape: (texts, width).

    Longer texts are read up to the encoder's length.
    """
    import numpy as np

    rows: dict[int, Any] = {}
    for found in encoded(encoder, [encodable(text) for text in texts]):
        rows[found.position] = mean(found.vectors).numpy()
        tick(1)
    return np.stack([rows[at] for at in range(len(texts))])


def _place(texts: Sequence[str], model: str, progress: Progress) -> Path:
    name = key(
        model=local_model(model, progress).sha256,
        texts=sha256_of_rows(key(text=text) for text in texts),
        code=[code_version(__name__), code_version("benchmark.encoders")],
    )
    return Cache().path("vectors", f"{name}.npy")


def _known(path: Path, count: int) -> Any:
    """Return vectors from the cache; a damaged file is put aside."""
    import numpy as np

    if not path.is_file():
        return None
    try:
        found = np.load(path, allow_pickle=False)
        if found.ndim == 2 and len(found) == count:
            return found
    except (ValueError, OSError, EOFError):
        pass
    path.replace(path.with_suffix(".damaged"))
    return None


def _write(path: Path, save: Callable[[Any], None]) -> None:
    """Write a file whole or not at all."""
    scratch = path.with_suffix(".writing")
    try:
        with scratch.open("wb") as file:
            save(file)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
