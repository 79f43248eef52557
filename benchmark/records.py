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
    rejected: str | None = None
    """A worse answer than the first reference, for training by preference (dpo)."""
    group: str = ""
    """Cluster for error bars and for leak-free splits (for law, the article's `cid`)."""
    split: Split | None = None
    """Where the data set itself puts the row; None lets the suite's `split:` decide."""
    meta: dict[str, str] = {}
    """Anything a report may slice by (code, template, article number, ...)."""

    @property
    def last_question(self) -> int | None:
        """Return the place of the user's last turn in `prompt`; None if there is none."""
        places = [at for at, turn in enumerate(self.prompt) if turn.role == "user"]
        return places[-1] if places else None

    @property
    def question(self) -> str:
        """Return the user's last turn; "" if there is none."""
        return "" if self.last_question is None else self.prompt[self.last_question].content


class Document(Record):
    """One text that a retriever may find."""

    id: str
    text: str
    title: str = ""
    """Stands above the text, and above each passage of it."""
    group: str = ""
    """Of the examples that it answers (for law, the article's `cid`)."""


class Hit(Record):
    """One passage that was found for an example."""

    id: str
    """The document's id; behind it `#2` for its second passage, where it has several."""
    score: float
    is_gold: bool
    """Whether it is of the example's own document or group."""
    is_shown: bool
    """Whether it had room in the prompt."""


class Found(Record):
    """What retrieval gave for one example, the best passage first."""

    example_id: str
    hits: tuple[Hit, ...]
    has_gold: bool
    """Whether the index has a passage of the example's own document or group at all."""
    chars: int
    """Of the passages in the prompt."""
    cut: bool = False
    """Whether the one passage that is shown was cut to fit."""


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
    """Wall time of the answer's batch, divided by the batch's size; over a network, of its call."""
    cost: float = 0.0
    """Price of its tokens, in the currency of the backend's price list (US dollars unless said)."""


class Effort(Record):
    """What a candidate's answers took, as measured when they were made."""

    device: str
    dtype: str
    threads: int
    """Of the processor."""
    batches: int
    largest: int
    """Most prompts that were answered at once."""
    out_of_memory: int = 0
    """How often a batch did not fit and was halved."""
    peak_memory: int = 0
    """Bytes: allocated on the GPU; resident memory of the process on a CPU."""
    joules: float | None = None
    """Energy of the GPU; None where nothing measures it."""


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
