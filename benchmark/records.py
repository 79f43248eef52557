"""What crosses the disk: frozen pydantic records, no unknown fields.

Here what stands for one example or one adapter; `results.py` has what stands for a run.
A failure is data: `Generation.text is None` with an `error`, never an empty string;
`Verdict.value is None` when a judge abstained or could not be parsed. Neither is ever
turned into a score: they are counted (`failed`) beside the `n` that were scored.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Split = Literal["train", "validation", "test"]


class Record(BaseModel):
    """Base: immutable, and a field that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Example(Record):
    """One question with its reference answers."""

    id: str
    """Unique within the data set."""
    prompt: tuple[Message, ...]
    """The conversation so far; the last turn is the user's."""
    references: tuple[str, ...] = ()
    """Right answers; the first is the one that training learns."""
    group: str = ""
    """Cluster for error bars and for leak-free splits (for law, the article's `cid`)."""
    split: Split | None = None
    """Where the data set itself puts the row; None lets the suite's `split:` decide."""
    meta: dict[str, str] = {}
    """Anything a report may slice by (code, template, article number, ...)."""


class Generation(Record):
    """One candidate's answer to one example, or why there is none."""

    example_id: str
    candidate: str
    text: str | None
    error: str | None = None
    finish: Literal["stop", "length", "error"] = "stop"
    """"length" means that the answer was cut at the token limit."""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    """Wall time of the answer's batch, divided by the batch's size."""


class Score(Record):
    """What one metric says of one answer."""

    example_id: str
    candidate: str
    metric: str
    """The metric's name in the suite."""
    stats: tuple[float, ...] | None
    """Sufficient statistics, which sum over examples; None when there was no answer."""
    values: dict[str, float]
    """The score of this example alone, by the score's name; empty when there was no answer."""


class Verdict(Record):
    """One judge on one (grade) or two (preference) generations."""

    example_id: str
    judge: str
    candidates: tuple[str, ...]
    """In the order in which the judge saw them."""
    value: float | None
    """None: abstained, failed or could not be parsed; counted apart, never imputed."""
    label: str = ""
    rationale: str = ""
    error: str | None = None


class LossPoint(Record):
    """One point of a training curve."""

    step: int
    loss: float
    eval_loss: float | None = None


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
    seconds: float
    tokens: int
    """Tokens in the rows, prompt included, times epochs; padding does not count."""
    created: str
