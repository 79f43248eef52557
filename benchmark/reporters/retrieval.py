"""What retrieval found, as data: recall of the passages that hold the answers."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.reporters import format as fmt
from benchmark.results import Rate, Results, RetrievalSummary

HEADS = (
    "Candidate", "Documents", "n", "Recall", "First", "MRR", "In prompt", "Characters", "Signature"
)  # fmt: skip
TEXTS = ("Candidate", "Documents", "Signature")
"""Those of the heads that stand above words."""


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate's retrieval, ready to show."""

    summary: RetrievalSummary

    @property
    def name(self) -> str:
        """Return the candidate's name, safe to show."""
        return fmt.one_line(self.summary.candidate)

    @property
    def documents(self) -> str:
        """Return where the passages came from, and how many there are."""
        one = self.summary
        texts, pieces = fmt.plural(one.texts, "text"), fmt.plural(one.passages, "passage")
        return f"{fmt.one_line(one.documents)}: {texts}, {pieces}"

    @property
    def recall(self) -> tuple[str, str]:
        """Return recall among the k and its interval."""
        value, interval = _shown(self.summary.recall)
        return (value if value == fmt.NOTHING else f"{value} (k={self.summary.k})"), interval

    @property
    def rates(self) -> list[tuple[str, str]]:
        """Return recall among the k, at 1, mean reciprocal rank and recall in the prompt."""
        one = self.summary
        return [self.recall, *map(_shown, (one.recall_at_1, one.mrr, one.in_prompt))]

    @property
    def chars(self) -> str:
        """Return the mean characters of passages in a prompt."""
        return fmt.number(self.summary.chars, 0)


def rows(results: Results) -> list[Row]:
    """Return one row a candidate that retrieves, in the suite's order."""
    return [Row(one) for one in results.retrieval]


def legend(results: Results) -> list[str]:
    """Return what the columns mean, and what the table does not show."""
    found = [
        "Recall: share of test examples for which a passage of their own document or group is "
        "among those retrieved; First: it comes first; MRR: mean of 1 / its rank; In prompt: it "
        "had room. Over the n examples whose own document is in the index, with "
        f"{fmt.percent(results.confidence)} intervals."
    ]
    return found + losses(results)


def losses(results: Results) -> list[str]:
    """Return what the table does not show: recall that is not defined, passages that were lost."""
    found = []
    for one in results.retrieval:
        name = fmt.one_line(one.candidate)
        if not one.n:
            found.append(
                f"{name}: no test example's own document or group is in the index, so recall is "
                "not defined."
            )
        found += _losses(one, name)
    return found


def notices(results: Results) -> list[str]:
    """Return what a reader must know: whose answers can be copied from the index."""
    return [f"{fmt.one_line(one.candidate)}: {one.copying}." for one in results.retrieval
            if one.copying]  # fmt: skip


def _losses(one: RetrievalSummary, name: str) -> list[str]:
    """Say what was retrieved and did not reach the prompt whole."""
    said = []
    if one.dropped:
        said.append(f"{fmt.plural(one.dropped, 'retrieved passage')} had no room in the prompts")
    if one.cut:
        said.append(f"in {fmt.plural(one.cut, 'prompt')} the one passage was cut to fit")
    if one.empty:
        said.append(f"nothing was found for {fmt.plural(one.empty, 'example')}")
    return [f"{name}: {'; '.join(said)}."] if said else []


def _shown(rate: Rate) -> tuple[str, str]:
    return fmt.number(rate.value), fmt.interval(rate.low, rate.high)
