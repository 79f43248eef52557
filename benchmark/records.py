"""What crosses the disk: frozen pydantic records, no unknown fields.

Per example: `Example`, `Generation`, `Score`, `Verdict`. Per run: `Results` and its parts.
A failure is data: `Generation.text is None` with an `error`, never an empty string;
`Verdict.value is None` when a judge abstained or could not be parsed. Neither is ever
turned into a score: they are counted (`failed`) beside the `n` that were scored.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1
"""Version of `results.json`; grows when a field changes its meaning or goes away."""

Split = Literal["train", "validation", "test"]
Outcome = Literal["pass", "fail", "inconclusive"]


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


class CandidateSummary(Record):
    """One candidate in the results."""

    name: str
    kind: Literal["model", "control"]
    description: str
    """What it is, for a person: "LoRA r=16 on SmolLM2-135M-Instruct"."""
    backend: str
    """The backend's signature."""
    fingerprint: str
    """Hash of the weights that answered (adapter included)."""
    answered: int
    failed: int
    """Answers that are missing; they have no score."""
    cut: int
    """Answers cut at the token limit."""
    changed: float | None = None
    """Share of answers that differ from the baseline's; None for the baseline itself."""
    tokens_in: int
    tokens_out: int
    seconds: float
    tokens_per_second: float | None
    training: TrainingManifest | None = None
    error: str | None = None
    """Why the candidate could not run at all; it then has no scores."""


class ScoreSummary(Record):
    """One number of the leaderboard, with what it takes to believe it."""

    candidate: str
    metric: str
    """The metric's name in the suite."""
    score: str
    """The number's label, unique in the suite: `rougeL`, `citation_accuracy`, ..."""
    value: float | None
    """None when nothing could be scored."""
    low: float | None
    high: float | None
    """Ends of the 95 % bootstrap interval by group; Wilson's where a yes/no score is all one."""
    n: int
    failed: int
    higher_is_better: bool
    signature: str


class Comparison(Record):
    """One candidate against the baseline on one number, over the examples both answered."""

    candidate: str
    baseline: str
    score: str
    difference: float | None
    """Candidate minus baseline."""
    low: float | None
    high: float | None
    """Ends of the paired 95 % bootstrap interval of the difference (resampled by group)."""
    p: float | None
    """Two-sided paired randomisation test."""
    n: int
    """Examples that both answered."""
    higher_is_better: bool
    test: str
    """How interval and p were made: names, resamples, seed, clusters."""


class VerdictSummary(Record):
    """One judge on one candidate: an opinion, with how often it had none."""

    candidate: str
    judge: str
    """The judge's name in the suite."""
    value: float | None
    """Mean over the verdicts that have a value; None when none has."""
    n: int
    """Verdicts with a value."""
    abstained: int
    """Verdicts without one: abstained, failed or not parseable. Never imputed."""
    signature: str


class GateResult(Record):
    """What one rule says of one candidate, in one sentence."""

    gate: str
    candidate: str
    score: str
    outcome: Outcome
    reason: str


class DatasetSummary(Record):
    """Where the examples came from and how many are left."""

    name: str
    signature: str
    sources: dict[str, str] = {}
    """Reference -> SHA-256 of what was fetched."""
    kept: int
    dropped: dict[str, int] = {}
    """Reason -> rows dropped for it."""
    train: int
    validation: int
    test: int
    train_sha256: str
    test_sha256: str
    notes: tuple[str, ...] = ()


class Environment(Record):
    """Where a run happened."""

    python: str
    platform: str
    device: str
    dtype: str
    cores: int
    versions: dict[str, str]
    commit: str | None
    dirty: bool | None


class Results(Record):
    """All of a run: the content of `results.json`."""

    schema_version: int = SCHEMA_VERSION
    suite: str
    suite_version: int
    run_id: str
    status: Literal["complete", "incomplete"]
    started: str
    finished: str
    seconds: float
    fingerprint: str
    """Hash of everything asked for; the same command has the same one."""
    command: str
    verdict: Outcome
    """The worst of the gates."""
    exit_code: int
    baseline: str
    confidence: float = 0.95
    primary: str
    """The number that the leaderboard is sorted by."""
    environment: Environment
    dataset: DatasetSummary
    candidates: tuple[CandidateSummary, ...]
    scores: tuple[ScoreSummary, ...]
    comparisons: tuple[Comparison, ...]
    verdicts: tuple[VerdictSummary, ...] = ()
    gates: tuple[GateResult, ...]
    computed: dict[str, int] = Field(default_factory=dict)
    """Step -> how many artefacts were computed now rather than found in the cache."""
    timings: dict[str, float] = Field(default_factory=dict)
    """Step -> seconds."""

    def score(self, candidate: str, score: str) -> ScoreSummary:
        """Return one number of the leaderboard. Raises KeyError when there is none."""
        for row in self.scores:
            if row.candidate == candidate and row.score == score:
                return row
        raise KeyError(f"{candidate}/{score}")

    def comparison(self, candidate: str, score: str) -> Comparison:
        """Return one comparison with the baseline. Raises KeyError when there is none."""
        for row in self.comparisons:
            if row.candidate == candidate and row.score == score:
                return row
        raise KeyError(f"{candidate}/{score}")
