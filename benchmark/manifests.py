"""What is written down about an adapter: how it was made, where it came from, how it did."""

from __future__ import annotations

from typing import Any

from benchmark.records import Record


class LossPoint(Record):
    """One point of a training curve."""

    step: int
    loss: float
    eval_loss: float | None = None


class Batching(Record):
    """How the rows of one optimizer step went through the model."""

    rows: int
    """Rows of one optimizer step, over all processes."""
    micro_tokens: int
    """Most tokens, padding included, that went through the model at once (rows x longest row)."""
    micro_batches: float
    """Mean number of pieces that a step's rows were cut into."""
    padding: float = 0.0
    """Share of all computed tokens that were padding."""
    out_of_memory: int = 0
    """How often memory ran out and the pieces were made smaller."""


class TrainingManifest(Record):
    """What an adapter was made from; saved beside its weights as `manifest.json`."""

    key: str
    method: str
    base: str
    """The base model's reference."""
    base_sha256: str
    adapter_sha256: str
    data_sha256: str
    rows: int
    rows_truncated: int
    """Rows whose answer was cut at `max_length` tokens."""
    rows_without_loss: int
    """Rows dropped because truncation left no answer token to learn from."""
    rows_split: int = 0
    """Conversations that became one row for each answer, because of their template."""
    rows_windowed: int = 0
    """Texts longer than a row, which became several (continued pre-training)."""
    parameters: dict[str, Any]
    """Every training parameter as it was used, defaults included."""
    trainable_parameters: int
    total_parameters: int
    versions: dict[str, str]
    device: str
    dtype: str
    seed: int
    curve: tuple[LossPoint, ...]
    eval_loss: float | None
    """Validation loss of the weights that were kept."""
    best_step: int | None = None
    """Step of those weights, where the best were kept; None: the last."""
    stopped_early: bool = False
    overfitting: str = ""
    """One sentence where the validation loss rose while the training loss fell; else empty."""
    objective: str = "sft"
    batching: Batching | None = None
    gradient_checkpointing: bool = False
    compiled: bool = False
    processes: int = 1
    adapter_bytes: int = 0
    """Size of the weights that were saved."""
    peak_memory: int = 0
    """Bytes: allocated on the GPU; resident memory of the process on a CPU."""
    resumed: int = 0
    """How often the training went on from a checkpoint."""
    hardware: str = ""
    """Name of the GPU or processor."""
    commit: str | None = None
    dirty: bool | None = None
    """Whether the git checkout had changes that no commit holds."""
    seconds: float
    """Of training itself, without loading; with those before a resume."""
    tokens: int
    """Tokens in the rows, prompt included, times epochs; padding does not count."""
    created: str


class AdapterOrigin(Record):
    """Where an adapter of the cache was imported from: `imported.json` beside its weights.

    Of one that was trained elsewhere and brought no manifest, this is all that is known.
    """

    source: str
    """The folder or archive."""
    imported: str
    method: str
    base: str
    """The base as the adapter itself names it; empty where it does not."""
    base_sha256: str | None
    """None: not known, for the base was not at hand at import."""
    adapter_sha256: str
    adapter_bytes: int
    trainable_parameters: int
    parameters: dict[str, Any]
    """Content of its `adapter_config.json`."""


class AdapterEvaluation(Record):
    """One run in which an adapter answered; a line of `evaluations.jsonl` beside its weights."""

    suite: str
    run_id: str
    candidate: str
    finished: str
    n: int
    scores: dict[str, tuple[float | None, float | None, float | None]]
    """Label -> value and the ends of its interval."""
    changed: float | None
    """Share of answers that differ from the baseline's."""
    verdict: str
