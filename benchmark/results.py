"""The content of `results.json`: one run, with what it takes to believe its numbers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmark.gate_results import GateResult, Outcome
from benchmark.manifests import TrainingManifest
from benchmark.records import Effort, Record
from benchmark.results_judges import JudgeAgreement
from benchmark.results_judges import JudgeTrust as JudgeTrust  # noqa: PLC0414 (also found here)
from benchmark.rows.leaks import LeakReport
from benchmark.rows.lengths import Lengths
from benchmark.rows.row import Finding
from benchmark.side_results import ForgettingSummary, Rate, RetrievalSummary, Scale

__all__ = [
    "SCHEMA_VERSION",
    "CandidateSummary",
    "Comparison",
    "DatasetSummary",
    "Environment",
    "ForgettingSummary",
    "GateResult",
    "JudgeTrust",
    "Outcome",
    "Rate",
    "Results",
    "RetrievalSummary",
    "ScoreSummary",
    "VerdictSummary",
]

SCHEMA_VERSION = 1
"""Version of `results.json`; grows when a field changes its meaning or goes away."""


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
    """Answers, all samples counted."""
    failed: int
    """Answers that are missing; they have no score."""
    samples: int = 1
    """Answers that were asked for to each example."""
    cut: int
    """Answers cut at the token limit."""
    changed: float | None = None
    """Share of answers that differ from the baseline's; None for the baseline itself."""
    tokens_in: int
    tokens_out: int
    seconds: float
    tokens_per_second: float | None
    cost: float = 0.0
    """Price of its answers, in the currency of the backend's price list; 0 where it has none."""
    training: TrainingManifest | None = None
    effort: Effort | None = None
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
    """Ends of the 95 % interval, by group."""
    n: int
    failed: int
    cut: int = 0
    """Examples of which the metric read a text, answer or reference, only in part."""
    higher_is_better: bool | None
    signature: str
    method: str = ""
    """How the interval was made."""
    normalised: float | None = None
    """0 at the best of the floors (echo, shuffled), 1 at the oracle; see `Scale`."""
    normalised_low: float | None = None
    normalised_high: float | None = None
    """Ends of its 95 % interval."""
    spread: float | None = None
    """Standard deviation of the number from one sample of the answers to the next; None where
    each example was answered once."""


class Comparison(Record):
    """One candidate against the baseline on one number, over the examples both answered."""

    candidate: str
    baseline: str
    score: str
    difference: float | None
    """Candidate minus baseline."""
    low: float | None
    high: float | None
    """Ends of the paired 95 % interval of the difference, by group."""
    p: float | None
    """Of the paired test, two-sided, of this one difference alone."""
    n: int
    """Examples that both answered."""
    higher_is_better: bool | None
    test: str
    """How interval and p were made: names, swaps, seed, clusters, and the correction."""
    se: float | None = None
    """Standard error of the difference, by group."""
    clusters: int = 0
    """Groups among the n examples."""
    p_adjusted: float | None = None
    """p corrected for all differences that were tested beside this one (`family`)."""
    family: str = ""
    """Which those are, and by which correction; empty where nothing was corrected."""
    effect: float | None = None
    effect_name: str = ""
    """What `effect` is: "dz" (Cohen), or "odds ratio" of a yes/no score's changes."""

    @property
    def shown_p(self) -> float | None:
        """Return the p that a reader should judge by: the corrected one where there is one."""
        return self.p if self.p_adjusted is None else self.p_adjusted


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
    reasons: dict[str, int] = Field(default_factory=dict)
    """Why they have none (unparseable, refused, over budget, ...) -> how many."""
    notes: tuple[str, ...] = ()
    votes: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    signature: str


class DatasetSummary(Record):
    """Where the examples came from and how many are left."""

    name: str
    signature: str
    sources: dict[str, str] = Field(default_factory=dict)
    """Reference -> SHA-256 of what was fetched."""
    kept: int
    dropped: dict[str, int] = Field(default_factory=dict)
    """Reason -> rows dropped for it."""
    train: int
    validation: int
    test: int
    train_sha256: str
    test_sha256: str
    findings: tuple[Finding, ...] = ()
    """What the checks say of the rows of all sides, train first."""
    lengths: tuple[Lengths, ...] = ()
    """Histograms of their lengths."""
    leaks: LeakReport | None = None
    """What of the test side is also on the train side."""
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
    scales: tuple[Scale, ...] = ()
    """What the controls say of each number; only where there are controls."""
    verdicts: tuple[VerdictSummary, ...] = ()
    trust: tuple[JudgeTrust, ...] = ()
    agreement: tuple[JudgeAgreement, ...] = ()
    """Of the judges that are panels."""
    forgetting: tuple[ForgettingSummary, ...] = ()
    forgetting_errors: dict[str, str] = Field(default_factory=dict)
    """Candidate -> why its forgetting could not be measured."""
    retrieval: tuple[RetrievalSummary, ...] = ()
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
