"""ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum (Lin 2004), in rouge_score's definition."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from benchmark.metrics.base import PairMetric
from benchmark.metrics.grams import Unit, shared
from benchmark.metrics.pieces import PIECE
from benchmark.metrics.subsequence import Summary, common, covered
from benchmark.metrics.tokens import Cut, Tokens, read
from benchmark.plugins import ScoreInfo

if TYPE_CHECKING:
    from benchmark.plugins import Array


class Rouge(PairMetric):
    """F1 of shared words, shared word pairs, and the longest common subsequence of words.

    Means over examples, 0 to 1; with several references each number takes its best. `rougeLsum`
    compares line by line (lines are parted by line breaks): it equals `rougeL` where neither
    text has more than one. The arithmetic is rouge_score's.

    Exact unless both texts have more than 32,768 words: then the subsequence is sought piece by
    piece, so it may be too short. Where lines of the reference times words of the answer exceed
    4 million, `rougeLsum` is `rougeL`.

    Parameters:
        compat: `rouge_score` cuts words as the common tool does (and with it `evaluate`'s
            "rouge"), to compare with published numbers: it knows only a-z and 0-9, and so cuts
            "société" into "soci" and "t". Left out, accented words stay whole (`text.words`).
        stemmer: Compare stems: Snowball French, or with `compat` Porter (English), as
            rouge_score's `use_stemmer`.
    """

    packages: ClassVar[tuple[str, ...]] = ("rapidfuzz", "rouge-score", "nltk")

    compat: Literal["rouge_score"] | None = None
    stemmer: bool = False

    def described(self) -> dict[str, Any]:
        """Return whose words are compared, and up to which length exactly."""
        return {
            "compat": self.compat or "no",
            "tok": self.compat or "unicode",
            "stemmer": self.stemmer and ("porter" if self.compat else "snowball-french"),
            "exact_to": PIECE,
        }

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the four numbers."""
        names = ("rouge1", "rouge2", "rougeL", "rougeLsum")
        return tuple(ScoreInfo(name) for name in names)

    def pairs(self, texts: Sequence[str], references: Sequence[str]) -> Array:
        """Return F1 of (ROUGE-1, ROUGE-2, ROUGE-L, ROUGE-Lsum) of each pair. Shape: (n, 4)."""
        import numpy as np

        tokens = self._tokens([*texts, *references])
        answers, targets = tokens[: len(texts)], tokens[len(texts) :]
        pairs = list(zip(answers, targets, strict=True))
        both = shared([Unit(answer.ids, [target.ids]) for answer, target in pairs], 2)
        longest = np.array([common(answer.ids, target.ids) for answer, target in pairs])
        lines = _line_by_line(answers, targets, longest)
        size = np.array([[len(answer.ids), len(target.ids)] for answer, target in pairs])
        words, grams = size.sum(axis=1), np.maximum(size - 1, 0).sum(axis=1)
        found = np.stack([both[:, 0], both[:, 1], longest, lines], axis=1)
        parts = np.stack([words, grams, words, words], axis=1)
        score: Array = np.divide(2 * found, parts, out=np.zeros(found.shape), where=found > 0)
        return score

    def _tokens(self, texts: Sequence[str]) -> list[Tokens]:

        how: Cut = "words"
        if self.compat:
            how = "rouge_score+porter" if self.stemmer else "rouge_score"
        lexicon, found = read(how, texts)
        if not self.stemmer or self.compat:
            return found
        return [
            one._replace(ids=array("I", lexicon.stems("french", one.ids).tolist())) for one in found
        ]


def _line_by_line(answers: Sequence[Tokens], targets: Sequence[Tokens], longest: Any) -> Any:
    """Return how many words of each reference its answer covers, line by line."""
    lines = longest.copy()
    places, summaries = [], []
    for place, (answer, target) in enumerate(zip(answers, targets, strict=True)):
        if len(answer.ends) > 1 or len(target.ends) > 1:
            summary = Summary(answer.lines(), target.lines())
            several = len(summary.answer) > 1 or len(summary.reference) > 1
            if several and summary.answer and summary.reference and summary.is_bounded:
                places.append(place)
                summaries.append(summary)
    if places:
        # A word counts at most as often as the answer has it.
        units = [
            Unit(answers[place].ids, [words])
            for place, words in zip(places, covered(summaries), strict=True)
        ]
        lines[places] = shared(units, 1)[:, 0]
    return lines
