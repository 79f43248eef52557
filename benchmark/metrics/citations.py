"""Citations verified against the codes themselves, and compared with the reference's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError, field_validator, model_validator

from benchmark.articles import ArticleIndex, Entry
from benchmark.citations import quotes as quoting
from benchmark.citations.codes import plain
from benchmark.citations.extract import Citation, extract
from benchmark.citations.verify import (
    CHECKABLE,
    HALLUCINATED,
    IN_FORCE,
    Checked,
    expand,
    verify,
)
from benchmark.keys import code_version, key
from benchmark.metrics.base import LibraryMetric
from benchmark.plugins import DATASETS, Dataset, ScoreInfo
from benchmark.progress import Progress, Silent
from benchmark.records import CitedArticle, Example

if TYPE_CHECKING:
    from benchmark.plugins import Array

CODES = ("travail", "securite-sociale", "rural", "crpa")
"""What the default source has; checked where the data set is not made of codes itself."""
AS_OF = date(2026, 1, 1)

_HITS, _MADE, _WANTED, _CHECKABLE, _HALLUCINATED, _OTHER, _IN_FORCE = range(7)
_ANSWERS, _COVERED, _QUOTED, _FOUND = range(7, 11)
_WIDTH = 11

_NUMBERS = (
    # name, whether higher is better, what is summed above, what below
    ("citation_precision", True, _HITS, _MADE),
    ("citation_recall", True, _HITS, _WANTED),
    ("citation_f1", True, _HITS, -1),
    ("hallucinated_citation_rate", False, _HALLUCINATED, _CHECKABLE),
    ("citation_in_force_rate", True, _IN_FORCE, _CHECKABLE),
    ("wrong_code_rate", False, _OTHER, _CHECKABLE),
    ("citation_coverage", True, _COVERED, _ANSWERS),
    ("quote_fidelity", True, _FOUND, _QUOTED),
)


class Citations(LibraryMetric):
    """How good an answer's references to French law are, by the law itself.

    - `citation_precision`, `citation_recall`, `citation_f1`: the articles that an answer cites
      against those that the reference cites, as (code, number) pairs, ranges spread out by the
      index; sums over all answers. Here codes that are not checked count too: it is the reference
      that tells. With several references, the one that fits best. An example
      whose references cite nothing is not scored.
    - `hallucinated_citation_rate`: of the checkable citations, the share whose article is in no
      checked code at all, or only in another one than the answer says. Lower is better.
    - `wrong_code_rate`: the latter alone. Lower is better.
    - `citation_in_force_rate`: the share in force on `as_of`.
    - `citation_coverage`: share of the answers with at least one checkable citation. Read it
      beside the rates: an answer that cites nothing has no wrong citation.
    - `quote_fidelity`: of the words that stand in quotation marks beside a citation, the share
      that is in that article's text (`citations/quotes.py`).

    Each (code, number) counts once an answer, however often it is repeated. Citations of codes
    that are not checked, of laws and of EU acts, and those that cannot be resolved are never
    right or wrong; `citations/verify.py` says what "invented" can tell and what it cannot. In an
    answer that was cut at the token limit, a reference at its very end is left out: its number
    may have been cut, too, and "R. 252" is not what "R. 2523-20" began as.
    """

    codes: tuple[str, ...] | None = None
    """Codes to check, as in the data set `legi`; None: those of the suite's data set, else all
    four of the default source."""
    source: str | None = None
    """Where the codes are read from, as in `legi`; None: as the suite's data set does."""
    as_of: date | None = None
    """Day on which an article is to be in force; None: the data set's, else 2026-01-01."""

    @field_validator("codes", mode="before")
    @classmethod
    def _one_code(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _known(self) -> Citations:
        try:
            self._corpus()
        except ValidationError as error:
            said = (f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
            raise ValueError("; ".join(said).replace("Value error, ", "")) from None
        return self

    def for_dataset(self, dataset: Dataset) -> Citations:
        """Return this metric with what is not set taken from a data set of codes."""
        if not hasattr(dataset, "article_index"):
            return self
        names = [name for name in ("codes", "source", "as_of") if getattr(self, name) is None]
        own = {name: getattr(dataset, name) for name in names if hasattr(dataset, name)}
        return self.model_copy(update=own)

    @property
    def day(self) -> date:
        """Return the day on which an article is to be in force."""
        return self.as_of or AS_OF

    @property
    def key(self) -> str:
        """Return the content key: parameters, and the code that finds and checks."""
        modules = ("benchmark.citations.verify", "benchmark.citations.quotes", "benchmark.articles")
        return key(plugin=super().key, code=[code_version(name) for name in modules])

    def described(self) -> dict[str, Any]:
        """Return the codes, the day, and the source where it is another one."""
        said: dict[str, Any] = {"codes": "+".join(self.codes or CODES), "as_of": str(self.day)}
        source = self._corpus().source
        default = type(self._corpus()).model_fields["source"].default
        return said if source == default else {**said, "source": source}

    def prepare(self, progress: Progress) -> None:
        """Fetch the codes and build their index."""
        self._corpus().article_index(progress)

    def weights(self) -> str:
        """Return a hash of the codes that are checked."""
        return self._index().digest

    def infos(self) -> tuple[ScoreInfo, ...]:
        """Return the eight numbers."""
        return tuple(ScoreInfo(name, higher) for name, higher, _, _ in _NUMBERS)

    def finished(self, text: str) -> str:
        """Return a text that was cut, without a reference at its very end."""
        last = next(reversed(extract(text)), None)
        if last is None or text[last.end :].strip(" \t\n\r\u00a0.*_-\u2010\u2011"):
            return text
        return text[: last.start]

    def stats(self, examples: Sequence[Example], texts: Sequence[str]) -> Array:
        """Return counts that sum. Shape: (n, 11).

        Raises:
            FetchError: A code could not be fetched.
            DataError: A fetched file is not a code.
        """
        import numpy as np

        if len(examples) != len(texts):
            raise ValueError(f"{len(examples)} examples, but {len(texts)} texts")
        table = np.zeros((len(texts), _WIDTH))
        quoted: list[tuple[int, quoting.Quote]] = []
        for row, (example, text) in enumerate(zip(examples, texts, strict=True)):
            checked = self._checked(example, text)
            table[row, :_CHECKABLE] = self._against(example, checked)
            table[row, _CHECKABLE:_QUOTED] = _counts(checked)
            quoted += [(row, quote) for quote in quoting.quotes(text, checked)]
        for row, words, found in self._faithful(quoted):
            table[row, _QUOTED] += words
            table[row, _FOUND] += found
        return table

    def values(self, totals: Array) -> Array:
        """Return the eight quotients. Shape: (..., 11) -> (..., 8); NaN: nothing to divide by."""
        import numpy as np

        totals = np.asarray(totals, dtype=np.float64)
        columns = []
        for name, _, above, below in _NUMBERS:
            part, whole = totals[..., above], totals[..., below]
            if name == "citation_f1":
                part, whole = 2 * part, totals[..., _MADE] + totals[..., _WANTED]
            undefined = np.full_like(whole, np.nan)
            columns.append(np.divide(part, whole, out=undefined, where=whole > 0))
        return np.stack(columns, axis=-1)

    def citations(
        self, examples: Sequence[Example], texts: Sequence[str]
    ) -> list[tuple[CitedArticle, ...]]:
        """Return each answer's citations with their verdicts, for reports."""
        return [
            tuple(one.cited for one in self._checked(example, text))
            for example, text in zip(examples, texts, strict=True)
        ]

    def _corpus(self) -> Any:
        given = {"codes": self.codes or CODES}
        return DATASETS.load("legi")(**given, **({"source": self.source} if self.source else {}))

    def _index(self) -> ArticleIndex:
        return _loaded(self.codes or CODES, self.source)

    def _checked(self, example: Example, text: str) -> list[Checked]:
        return verify(extract(text, example.meta.get("code", "")), self._index(), self.day)

    def _against(self, example: Example, checked: Sequence[Checked]) -> _Hits:
        """Return (hits, made, wanted) of the reference that fits best; zeros without any."""
        code = example.meta.get("code", "")
        made = self._pairs(one.citation for one in checked)
        best = _Hits(0, 0, 0)
        for reference in example.references:
            wanted = self._pairs(extract(reference, code))
            hits = _Hits(_common(made, wanted), len(made), len(wanted))
            if wanted and (not best.wanted or hits.f1 > best.f1):
                best = hits
        return best

    def _pairs(self, citations: Iterator[Citation] | Sequence[Citation]) -> set[tuple[str, str]]:
        found = set()
        for one in citations:
            if one.number and not one.act:
                numbers = (one.number, *expand(one, self._index()))
                found |= {(plain(one.code), number) for number in numbers}
        return found

    def _faithful(
        self, quoted: Sequence[tuple[int, quoting.Quote]]
    ) -> Iterator[tuple[int, int, int]]:
        """Give (row, words quoted, words found); texts are read only if something is quoted."""
        versions = {
            (row, at): _version(quote.beside.entries, self.day)
            for at, (row, quote) in enumerate(quoted)
        }
        wanted = frozenset(version for version in versions.values() if version)
        texts = self._corpus().article_texts(wanted, Silent()) if wanted else {}
        articles = {name: quoting.words(text) for name, text in texts.items()}
        for at, (row, quote) in enumerate(quoted):
            article = articles.get(versions[row, at])
            if article is not None:
                yield row, len(quote.words), quoting.found(quote.words, article)


class _Hits(NamedTuple):
    """How an answer's citations meet a reference's."""

    hits: int
    made: int
    wanted: int

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(self.made + self.wanted, 1)


def _common(made: set[tuple[str, str]], wanted: set[tuple[str, str]]) -> int:
    """Return how many (code, number) are in both; a code that is nowhere said fits any."""
    codes: dict[str, set[str]] = {}
    for code, number in wanted:
        codes.setdefault(number, set()).add(code)
    none: set[str] = set()
    known = [(code, codes.get(number, none)) for code, number in made]
    return sum(bool(found) and (not code or bool({code, ""} & found)) for code, found in known)


def _counts(checked: Sequence[Checked]) -> tuple[int, ...]:
    """Return the columns from `_CHECKABLE` to `_COVERED`, each citation counted once."""
    said = {(plain(one.cited.code), one.cited.number): one.cited.verdict for one in checked}
    real = [verdict for verdict in said.values() if verdict in CHECKABLE]
    wrong = sum(verdict in HALLUCINATED for verdict in real)
    in_force = sum(verdict in IN_FORCE for verdict in real)
    return len(real), wrong, real.count("other code"), in_force, 1, int(bool(real))


def _version(entries: tuple[Entry, ...], day: date) -> str:
    """Return the stored version's id, if its text is the one that applied on the day; else ""."""
    for entry in entries:
        stored = next(one for one in entry.versions if one.id == entry.id)
        if len(entries) == 1 and stored.state_at(day) == "in force":
            return entry.id
    return ""


@lru_cache(maxsize=8)
def _loaded(codes: tuple[str, ...], source: str | None) -> ArticleIndex:
    index: ArticleIndex = Citations(codes=codes, source=source)._corpus().article_index(Silent())
    return index
