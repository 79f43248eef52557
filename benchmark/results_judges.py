"""What the results say of judges: how far to believe them, and how far they agree."""

from __future__ import annotations

from typing import Literal

from benchmark.records import Record


class Rate(Record):
    """One share or mean with the ends of its 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class CanaryRate(Record):
    """How one kind of worthless answer fared."""

    kind: str
    """empty, colon, opener, other, injected."""
    passed: int
    n: int
    """Opinions given."""
    failed: int
    """Answers without an opinion."""
    rate: Rate
    """Share that passed, with Wilson's interval."""


class CorrectedScore(Record):
    """One candidate's mean opinion, corrected by what people said of some of its answers."""

    candidate: str
    judged: float
    """Mean of the judge's opinions on all answers."""
    labelled: Rate
    """Mean of the human labels alone."""
    corrected: Rate
    """Prediction-powered mean (PPI++): labels and opinions together."""
    power: float
    """How much the opinions count in it, 0 to 1."""
    labels: int
    n: int
    """Answers with an opinion, labelled or not."""


class Calibration(Record):
    """How a judge agreed with people, and whether that still holds."""

    state: Literal["fresh", "stale"]
    why: str = ""
    """What has changed since, if it is stale."""
    file: str
    n: int
    """Answers with a human label and an opinion."""
    kappa: Rate
    alpha: float | None
    auc: Rate
    """Chance that it puts the answer first that people find better."""
    bias: Rate
    """Mean opinion minus mean label, on the judge's scale."""
    corrected: tuple[CorrectedScore, ...] = ()
    """Candidates with labelled answers in this run; empty if it is stale."""


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
    passes: float | None = None
    """From which opinion on an answer passes; None: it is compared with the reference."""
    passes_from: str = ""
    """Where that comes from, for a reader."""
    kinds: tuple[CanaryRate, ...] = ()
    first: Rate | None = None
    """Of a judge of pairs: how much more often it prefers the answer shown first, -1 to 1."""
    scale: tuple[float, float] | None = None
    """The ends of its scale, where it says them."""
    key: str = ""
    """Of everything that decides its opinions, but the model's files."""
    weights: str = ""
    """Hash of those files, where its parameters do not pin them."""
    self_preference: tuple[str, ...] = ()
    """One sentence for each of its models that is of a candidate's family."""
    calibration: Calibration | None = None
    """None where nobody has labelled answers for this judge."""

    @property
    def calibrated(self) -> bool:
        """Tell whether it was compared with people, and nothing has changed since."""
        return self.calibration is not None and self.calibration.state == "fresh"


class PairAgreement(Record):
    """How two members of a panel agree beyond chance."""

    first: str
    second: str
    kappa: float | None
    n: int
    """Answers on which both have an opinion."""


class MemberAgreement(Record):
    """One member of a panel against people."""

    member: str
    kappa: float | None
    n: int


class JudgeAgreement(Record):
    """How the votes behind a judge's verdicts agree."""

    judge: str
    members: tuple[str, ...]
    """Model and prompt variant; repeats of one are one member."""
    items: int
    """Answers that were voted on."""
    missing: int
    """Votes without an opinion."""
    level: Literal["nominal", "ordinal", "interval"]
    """Of measurement: yes or no, steps of a scale, any number."""
    alpha: float | None
    """Krippendorff's, over the members that were asked of (nearly) all answers."""
    pairs: tuple[PairAgreement, ...] = ()
    effective: float | None = None
    """Independent votes that the panel is worth."""
    effective_from: Literal["errors", "votes", ""] = ""
    """errors: against human labels. votes: a lower bound, since votes also agree when right."""
    flip_rate: float | None = None
    """How often a member says something else when it is asked the same again."""
    flips_of: int = 0
    """Answers on which a member was asked more than once."""
    best: MemberAgreement | None = None
    """The member closest to people; None without a calibration that holds."""
    panel: float | None = None
    """Kappa of the panel's verdict with people, to set beside the best member's."""
