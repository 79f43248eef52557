"""Similarity of whole texts by the vectors of a sentence encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from benchmark.metrics.encoding import EncoderMetric, ready
from benchmark.plugins import ScoreInfo
from benchmark.records import Example

if TYPE_CHECKING:
    from benchmark.vectors import Kept


class Embedding(EncoderMetric):
    """Cosine and euclidean similarity of answer and reference, as means over examples.

    A text's vector is the mean of its tokens' last vectors, brought to length 1 (Reimers and
    Gurevych 2019, "Sentence-BERT"). For two vectors at distance d the euclidean similarity is
    1 / (1 + d): 1 for equal texts, 0.41 for unrelated ones. With several references each number
    takes its best. Each distinct text goes through the encoder once ever (see `vectors`).

    An answer or reference without any token scores 0. Texts longer than `max_length` tokens are
    read up to there, and the reports say how many were.

    Parameters:
        model: The encoder, as a package reference.
        max_length: Tokens of a text that are read, the encoder's special tokens included; null:
            as many as the encoder reads, 512 at most.
    """

    max_length: int | None = Field(default=None, ge=3)

    def described(self) -> dict[str, Any]:
        """Return the encoder and how it is read."""
        length = self.max_length or "encoder"
        return {"model": self.model, "max_length": length, "pooling": "mean", "unit": "yes"}

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the two numbers."""
        return (ScoreInfo("embedding_cosine"), ScoreInfo("embedding_euclidean"))

    def rows(self, examples: Sequence[Example], texts: Sequence[str]) -> list[Sequence[float]]:
        """Return (cosine, euclidean, cut) of each answer.

        Raises:
            FetchError: The encoder cannot be fetched or loaded.
            ConfigError: It takes fewer tokens than `max_length`.
        """
        from benchmark.encoders import mean
        from benchmark.vectors import Vectors

        found = Vectors(self.model, "embedding", max_length=self.max_length, pool=mean)
        rows: list[Sequence[float]] = [()] * len(texts)
        for pairs in ready(found, examples, texts):
            mine = found.of(pairs.answer)
            theirs = [found.of(text) for text in pairs.references]
            scores = [_compare(mine, kept) for kept in theirs]
            cut = mine.cut or any(kept.cut for kept in theirs)
            best = (max(column) for column in zip(*scores, strict=True))
            rows[pairs.position] = [*best, float(cut)]
        return rows


def _compare(answer: Kept, reference: Kept) -> tuple[float, float]:
    import torch

    if any(torch.isin(kept.ids, kept.ends).all() for kept in (answer, reference)):
        return 0.0, 0.0
    one, two = answer.vectors[0].double(), reference.vectors[0].double()
    return float(one @ two), 1 / (1 + float(torch.linalg.vector_norm(one - two)))
