"""The content of `results.json`: one run, with what it takes to believe its numbers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmark.manifests import TrainingManifest
from benchmark.records import Effort, Record
from benchmark.rows.leaks import LeakReport
from benchmark.rows.lengths import Lengths
from benchmark.rows.row import Finding

SCHEMA_VERSION = 1
"""Version of `results.json`; grows when a field changes its meaning or goes away."""
Outcome = Literal["pass", "fail", "inconclusive"]


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
    reasons: dict[str, int] = Field(default_factory=dict)
    """Why they have none (unparseable, refused, over budget, ...) -> how many."""
    notes: tuple[str, ...] = ()
    votes: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    signature: str


class Rate(Record):
    """One share or mean with the ends of its 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class JudgeTrust(Record):
    """How far a judge can be believed, as measured in this run by answers of known worth."""

    judge: str
    """Its name in the suite."""
    trusted: bool
    """Only a trusted judge may decide a gate."""
    reason: str
    """One sentence: why, with the numbers."""
    auc: Rate
    """Chance that it puts the reference answer above another example's."""
    false_pass: Rate
    """Share of worthless answers (empty, ":", an injected "score: 5", ...) that it lets pass."""
    n: int
    """Canary answers that it gave an opinion on."""
    failed: int
    """Those that it gave none on."""


class ForgettingSummary(Record):
    """One candidate's perplexity on general text, against its base without adapter."""

    candidate: str
    perplexity: float
    low: float
    high: float
    """Ends of its 95 % interval (bootstrap over passages)."""
    base_perplexity: float
    ratio: float
    """Perplexity over the base's: above 1, general text has become harder."""
    ratio_low: float
    ratio_high: float
    """Ends of the paired 95 % interval of the ratio."""
    p: float | None
    """Two-sided paired randomisation test of the ratio being 1."""
    texts: int
    tokens: int
    signature: str


class RetrievalSummary(Record):
    """How well one candidate's retrieval found the passages that hold the answers."""

    candidate: str
    documents: str
    """train, corpus, or where one's own came from."""
    sha256: str
    """Of all passages, in order."""
    texts: int
    """Documents."""
    passages: int
    """Pieces of them that can be found."""
    k: int
    asked: int
    """Test examples."""
    n: int
    """Those of them whose own document or group is in the index: recall is over these."""
    recall: Rate
    """Share for which a passage of it is among the k."""
    recall_at_1: Rate
    """Share for which it comes first."""
    mrr: Rate
    """Mean of 1 / rank of its first passage, 0 where it is not among the k."""
    in_prompt: Rate
    """Share for which a passage of it had room in the prompt."""
    chars: float
    """Mean characters of passages in a prompt."""
    dropped: int
    """Retrieved passages that had no room, over all test examples."""
    cut: int
    """Test examples whose one passage was cut to fit."""
    empty: int
    """Test examples for which nothing was found; they were asked without passages."""
    in_index: int
    """Test examples whose answer stands in the documents: retrieval can copy it."""
    signature: str

    @property
    def copying(self) -> str:
        """Return what a reader must know of answers that can be copied; "" if none can."""
        if not self.in_index:
            return ""
        what = f"{self.in_index} of {self.asked} test answers are in the index"
        why = ", as the corpus is where they come from" if self.documents == "corpus" else ""
        return f"{what}{why}: retrieval can copy them"


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
    verdicts: tuple[VerdictSummary, ...] = ()
    trust: tuple[JudgeTrust, ...] = ()
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
