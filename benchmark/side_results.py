"""What a run knows beside its scores: how retrieval found, and what adapters made models forget."""

from __future__ import annotations

from benchmark.records import Record
from benchmark.results_judges import Rate as Rate  # noqa: PLC0414 (also found here)


class ForgettingSummary(Record):
    """One candidate's perplexity on general text, against its base without adapter."""

    candidate: str
    perplexity: float
    low: float
    high: float
    """Ends of its 95 % interval (over passages)."""
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


class Scale(Record):
    """What the controls say of one number: where nothing lies, and where everything."""

    score: str
    """The number's label."""
    floor: float | None
    """The best value of a control without skill (echo, shuffled); None: there is none."""
    floor_by: str
    """The control that has it."""
    ceiling: float | None
    """The oracle's value."""
    difference: float | None
    """Oracle minus shuffled, over the examples both answered."""
    low: float | None
    high: float | None
    """Ends of its paired 95 % bootstrap interval (resampled by group)."""
    informative: bool | None
    """Whether the number tells the right answer from another example's: the interval is on the
    right side of 0. None: there is no such pair of controls, or no interval."""
    echo: float | None
    """How far echo gets from shuffled (0) to the oracle (1), or of the oracle's value where there
    is no shuffled."""
