"""Encoders: models that turn a text into vectors, loaded from a folder and checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmark.devices import placement
from benchmark.errors import ConfigError, FetchError

if TYPE_CHECKING:
    import torch

SHIFTED_POSITIONS = {"roberta", "camembert", "xlm-roberta"}
"""Encoders that number positions from `pad_token_id` + 1, and so take that many fewer."""
LENGTH = 512
"""Tokens of a text that are read where nobody says how many, and the encoder can."""

TOKENS = {"cuda": 2**15}
"""Tokens in one pass of the encoder, padding included, by device."""
FEW_TOKENS = 2**12
"""The same on any other device."""
BLOCK = 1024
"""Texts that are held as tokens at a time: memory does not grow with the number of texts."""


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


class Encoded(NamedTuple):
    """What an encoder made of one text."""

    position: int
    """Of the text among those that were given."""
    ids: list[int]
    """Its tokens, special ones included."""
    vectors: torch.Tensor
    """Of its tokens, in float32 on the CPU. Shape: (tokens, width)."""


def encoded(
    encoder: Encoder,
    texts: Sequence[str],
    tokens: Callable[[Encoder, str], list[int]] | None = None,
) -> Iterator[Encoded]:
    """Give the vectors of each text's tokens in the last loaded layer, the longest texts first.

    What goes through the encoder together is a pure function of the texts; how many go is
    decided by their tokens, since a pass is as wide as its longest text.

    Args:
        encoder: From `load`.
        texts: Any; one without tokens has the vectors of its special tokens.
        tokens: How a text becomes tokens; None: as the tokenizer does it. Cuts long texts.
    """
    cut = tokens or plain_tokens
    order = sorted(range(len(texts)), key=lambda at: (-len(texts[at]), texts[at], at))
    for start in range(0, len(order), BLOCK):
        block = order[start : start + BLOCK]
        rows = {at: cut(encoder, texts[at]) for at in block}
        places = sorted(block, key=lambda at: -len(rows[at]))  # stable: equal lengths keep order
        budget = TOKENS.get(encoder.device, FEW_TOKENS)
        while places:
            size = max(1, budget // max(1, len(rows[places[0]])))
            batch, places = places[:size], places[size:]
            states = _states(encoder, [rows[at] for at in batch])
            for at, vectors in zip(batch, states, strict=True):
                yield Encoded(at, rows[at], vectors)


def plain_tokens(encoder: Encoder, text: str) -> list[int]:
    """Return a text's tokens as its tokenizer makes them, cut at the encoder's length."""
    ids: list[int] = encoder.tokenizer(text, truncation=True)["input_ids"]
    return ids


def is_cut(encoder: Encoder, text: str, ids: Sequence[int]) -> bool:
    """Tell whether a text has more tokens than the encoder reads."""
    limit: int = encoder.tokenizer.model_max_length
    if len(ids) < limit:
        return False
    # verbose=False: more tokens than a model takes is what is asked about, no reason to warn.
    return len(encoder.tokenizer(text, truncation=False, verbose=False)["input_ids"]) > limit


def mean(vectors: torch.Tensor) -> torch.Tensor:
    """Return the unit vector of a text: the mean of its tokens'. Shape: (n, w) -> (w,).

    Special tokens count, padding is not there (Reimers and Gurevych 2019, "Sentence-BERT", mean
    strategy).
    """
    import torch

    return torch.nn.functional.normalize(vectors.mean(0), dim=0)


def _states(encoder: Encoder, rows: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    """Run the encoder; a pass that does not fit in memory is halved."""
    import torch

    width = max(map(len, rows))
    pad = encoder.tokenizer.pad_token_id or 0
    ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    try:
        with torch.inference_mode(), _without_shape_cache():
            states = encoder.model(
                input_ids=ids.to(encoder.device), attention_mask=mask.to(encoder.device)
            ).last_hidden_state.float()
        return [found[: len(row)].cpu().clone() for found, row in zip(states, rows, strict=True)]
    except torch.OutOfMemoryError:
        if len(rows) == 1:
            raise
    # Outside the handler, so that the failed attempt's tensors are already free.
    torch.cuda.empty_cache()
    half = len(rows) // 2
    return [*_states(encoder, rows[:half]), *_states(encoder, rows[half:])]


@contextmanager
def _without_shape_cache() -> Iterator[None]:
    """Let MKL multiply: oneDNN keeps what it compiled for each of its last 1,024 shapes.

    Texts have hundreds of lengths: over 20,000 of them that grew to 250 MB.
    """
    import torch

    backends: Any = torch.backends
    backend, before = backends.mkldnn, backends.mkldnn.enabled
    backend.enabled = before and not backends.mkl.is_available()
    try:
        yield
    finally:
        backend.enabled = before


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
