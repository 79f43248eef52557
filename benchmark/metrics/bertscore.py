"""BERTScore (Zhang et al. 2020) by the bert-score package, on an encoder that is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from benchmark.encoders import Encoder
from benchmark.metrics.encoding import EncoderMetric, Pairs, ready
from benchmark.metrics.text import encodable
from benchmark.plugins import ScoreInfo
from benchmark.records import Example

if TYPE_CHECKING:
    import torch

    from benchmark.vectors import Kept, Vectors


class BertScore(EncoderMetric):
    """Cosine similarity of each token with its nearest in the other text, averaged.

    Means over examples of precision, recall and F1, equal to bert-score's; with several
    references each number takes its best, as there. Values of different encoders or layers do
    not compare: both are in the signature. Each distinct text goes through the encoder once
    ever (see `vectors`); what it goes with changes a value's seventh digit at most.

    An empty answer (or one without any token the encoder knows) shares nothing with the
    reference: it scores 0, and so does an empty reference. Texts longer than `max_length`
    tokens are read up to there, and the reports say how many were.

    Parameters:
        model: The encoder, as a package reference. For French where a hub can be reached:
            hub:almanach/camembert-base, with `layer: 9`.
        layer: Its layer whose vectors are compared, counted from 1; later ones are not run.
        max_length: Tokens of a text that are read, the encoder's special tokens included.
        idf: Whether rare tokens weigh more: by their inverse frequency in the references of the
            examples that are scored, as bert-score counts it.
        baseline: Precision, recall and F1 of texts that have nothing to do with each other, as
            in a line of bert-score's rescale_baseline files (its numbers after LAYER). Each
            score x becomes (x - baseline) / (1 - baseline).
    """

    packages: ClassVar[tuple[str, ...]] = ("bert-score", "transformers", "torch")

    layer: int = Field(default=6, ge=1)
    max_length: int = Field(default=512, ge=3)
    idf: bool = False
    baseline: tuple[float, float, float] | None = None

    @field_validator("baseline")
    @classmethod
    def _below_one(
        cls, value: tuple[float, float, float] | None
    ) -> tuple[float, float, float] | None:
        if value and not all(-1 <= number < 1 for number in value):
            raise ValueError("baselines are similarities below 1: precision, recall, F1")
        return value

    def described(self) -> dict[str, Any]:
        """Return the encoder and how it is read."""
        read = {"model": self.model, "layer": self.layer, "max_length": self.max_length}
        rescaled = ",".join(map(str, self.baseline)) if self.baseline else "no"
        return {**read, "idf": self.idf, "rescaled": rescaled}

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the three numbers."""
        names = ("bertscore_precision", "bertscore_recall", "bertscore_f1")
        return tuple(ScoreInfo(name) for name in names)

    def rows(self, examples: Sequence[Example], texts: Sequence[str]) -> list[Sequence[float]]:
        """Return (precision, recall, F1, cut) of each answer.

        Raises:
            FetchError: The encoder cannot be fetched or loaded.
            ConfigError: It has fewer layers than `layer`, or takes fewer tokens than `max_length`.
        """
        found = self._vectors()
        weights = self._weights(found, examples)
        rows: list[Sequence[float]] = [()] * len(texts)
        for pairs in ready(found, examples, texts):
            rows[pairs.position] = self._row(found, pairs, weights)
        return rows

    def _vectors(self) -> Vectors:
        from benchmark.encoders import quiet
        from benchmark.vectors import Vectors

        with quiet():
            import bert_score  # noqa: F401 - it loads matplotlib, which may talk about its fonts
        return Vectors(
            self.model,
            "bertscore",
            layers=self.layer,
            max_length=self.max_length,
            tokens=bert_score_tokens,
        )

    def _row(self, found: Vectors, pairs: Pairs, weights: Weights) -> list[float]:
        """Return one example's scores, each with its best reference, and whether it was cut."""
        mine = found.of(pairs.answer)
        rows, cut = [], mine.cut
        for reference in pairs.references:
            theirs = found.of(reference)
            rows.append(_compare(mine, theirs, weights))
            cut = cut or theirs.cut
        best = [max(column) for column in zip(*rows, strict=True)]
        if self.baseline:
            best = [(x - low) / (1 - low) for x, low in zip(best, self.baseline, strict=True)]
        return [*best, float(cut)]

    def _weights(self, found: Vectors, examples: Sequence[Example]) -> Weights:
        """Return how much a token weighs: 1, or by how many references have it; 0 if special."""
        import torch

        seen: dict[int, int] = {}
        references = [encodable(text) for example in examples for text in example.references]
        if self.idf:
            found.ready(references)
            for text in references:
                for token in set(found.of(text).ids.tolist()):
                    seen[token] = seen.get(token, 0) + 1
        count = len(references)

        def weigh(kept: Kept) -> torch.Tensor:
            row = [
                log((count + 1) / (seen.get(token, 0) + 1)) if self.idf else 1.0
                for token in kept.ids.tolist()
            ]
            return torch.tensor([row]).masked_fill(torch.isin(kept.ids, kept.ends), 0.0)

        return weigh


Weights = Callable[["Kept"], "torch.Tensor"]
"""A text to its tokens' weights. Shape: (1, n)."""


def bert_score_tokens(encoder: Encoder, text: str) -> list[int]:
    """Return a text's tokens as bert-score makes them, which takes the space around it off."""
    from bert_score.utils import sent_encode

    if not text.strip():  # which bert-score cannot read
        return list(encoder.tokenizer("")["input_ids"])
    ids: list[int] = sent_encode(encoder.tokenizer, text)
    return ids


def _compare(answer: Kept, reference: Kept, weights: Weights) -> list[float]:
    """Return (precision, recall, F1) of a pair, by bert-score; zeros where a side weighs nothing.

    A pair at a time: nothing is padded, so no number depends on what it is computed with.
    """
    import torch
    from bert_score.utils import greedy_cos_idf

    sides: list[torch.Tensor] = []
    for kept in (reference, answer):
        weight = weights(kept)
        if not weight.sum():
            return [0.0, 0.0, 0.0]
        # bert-score divides in place: the map of the file is private, and read once.
        sides += [kept.vectors[None], torch.ones_like(weight), weight]
    rows = greedy_cos_idf(*sides)
    return [float(row[0]) for row in rows]
