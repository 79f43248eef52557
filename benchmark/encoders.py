"""Encoders: models that turn a text into vectors, loaded from a folder and checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.devices import placement
from benchmark.errors import ConfigError, FetchError

SHIFTED_POSITIONS = {"roberta", "camembert", "xlm-roberta"}
"""Encoders that number positions from `pad_token_id` + 1, and so take that many fewer."""
LENGTH = 512
"""Tokens of a text that are read where nobody says how many, and the encoder can."""


class Encoder(NamedTuple):
    """A loaded encoder and its tokenizer, which cuts texts at the encoder's length."""

    model: Any
    tokenizer: Any
    device: str


@lru_cache(maxsize=1)
def load(
    folder: Path, who: str, *, layers: int | None = None, max_length: int | None = None
) -> Encoder:
    """Load an encoder in float32; the last one loaded stays in memory.

    bert-score's own loader is not used: it takes any path that holds "t5" for a T5 model, and
    leaves the tokenizer's maximum length to chance.

    Args:
        folder: With config.json, weights and tokenizer.
        who: What needs it, for messages.
        layers: Load only so many; None: all.
        max_length: Tokens of a text, special ones included; None: as many as it reads, 512 at
            most.

    Raises:
        FetchError: It cannot be loaded, or lacks weights.
        ConfigError: It is no encoder, has fewer layers, or reads fewer tokens.
    """
    with quiet():
        from transformers import AutoConfig, AutoModel, AutoTokenizer

        try:
            config = AutoConfig.from_pretrained(folder)
            _check(folder, config, who, layers)
            length = _length(config, who, max_length)
            only = {} if layers is None else {"num_hidden_layers": layers}
            model, found = AutoModel.from_pretrained(
                folder, **only, dtype="float32", output_loading_info=True
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, model_max_length=length)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise FetchError(f"{who} cannot load {folder}: {reason}") from error
    # A pooler is on top of all layers and takes no part; anything else would be random numbers.
    missing = sorted(name for name in found["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise FetchError(
            f"{who} cannot use {folder}: it lacks weights of the encoder, such as {missing[0]}"
        )
    device = placement("float32").device
    return Encoder(model.eval().to(device), tokenizer, device)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing a bar and listing the layers that are not needed.

    What would matter in that list, weights that are missing, is checked by `load`.
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


def _check(folder: Path, config: Any, who: str, layers: int | None) -> None:
    if config.is_encoder_decoder:
        raise ConfigError(f"{who}: {folder} is an encoder-decoder model; name an encoder")
    if layers is not None and layers > config.num_hidden_layers:
        raise ConfigError(
            f"{who}: layer {layers} of a model with {config.num_hidden_layers} layers",
            hint="set `layer` to one that it has",
        )


def _length(config: Any, who: str, asked: int | None) -> int:
    limit = getattr(config, "max_position_embeddings", None)
    if limit is not None and config.model_type in SHIFTED_POSITIONS:
        limit -= (config.pad_token_id or 0) + 1
    if asked is None:
        return min(limit or LENGTH, LENGTH)
    if limit is not None and asked > limit:
        raise ConfigError(
            f"{who}: max_length {asked}, but the model reads at most {limit} tokens",
            hint=f"set `max_length: {limit}` or less",
        )
    return asked
