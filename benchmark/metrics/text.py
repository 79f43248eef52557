"""Words, stems and safe Unicode: what several metrics must do alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Literal, Protocol

Language = Literal["french", "english", "german", "italian", "spanish", "portuguese", "dutch"]
Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

_DASHES = {ord(dash): "-" for dash in "\u2010\u2011\u2012\u2013\u2212"} | {0x00AD: None}
"""Hyphens and en dashes are one character; a soft hyphen (a hint for line breaks) is none."""

_WORD = re.compile(
    r"""
      (?<![^\W_])                          # not inside a word
      (?: (?: l\.?\s?o | [lrd] ) [.*\s]{0,4}    # L. 4121-1, LO111-3, R*123-4
        | a (?:\.\s{0,2})? (?=\d+-\d) )    # A. 123-4, but never the verb in "il a 12 ans"
      \d+ (?:-\d+)* (?![^\W_])
    | \d+ (?:-\d+)+ (?![^\W_])             # 4121-1
    | [^\W_] (?: [^\W_] | [\u0300-\u036f] )*    # letters, digits and their accents
    """,
    re.VERBOSE,
)
_SEPARATORS = re.compile(r"[.*\s]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAYBE_MARKS = re.compile("[^\x00-\u02ff]{31}")
"""All combining marks lie above U+02FF; French text never has 31 such characters in a row."""

_MARKS_IN_A_ROW = 30
"""Unicode's own bound: Stream-Safe Text Format, UAX #15 section 13."""
_GRAPHEME_JOINER = "\u034f"


def words(text: str) -> list[str]:
    """Cut text into words for ROUGE and METEOR, accents kept.

    The rule: case and compatibility forms fold (`É` = `é`, no-break space = space). A word is
    a run of letters and digits in any script, with its accents; all else parts words and goes
    away, so elisions and compounds split (`l'employeur` -> `l`, `employeur`). An article
    number is one word however it is written: `L. 4121-1`, `L4121-1` and `L.4121–1` are all
    `l4121-1`, `R. * 123-4` is `r123-4`, and a bare `4121-1` stays whole.
    """
    folded = normalised("NFKC", text.casefold()).translate(_DASHES)
    return [_SEPARATORS.sub("", word) for word in _WORD.findall(folded)]


def normalised(form: Form, text: str) -> str:
    """Return a Unicode normal form, in linear time whatever the text.

    Python's algorithm is quadratic in a run of combining marks: a model that loops over two
    accents would stop the run. Such runs are cut as UAX #15 section 13 says.
    """
    if _MAYBE_MARKS.search(text):
        text = _stream_safe(text)
    return unicodedata.normalize(form, text)


def _stream_safe(text: str) -> str:
    pieces = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks > _MARKS_IN_A_ROW:
            pieces.append(_GRAPHEME_JOINER)
            marks = 1
        pieces.append(char)
    return "".join(pieces)


def encodable(text: str) -> str:
    """Return text with each lone surrogate, which UTF-8 cannot hold, as U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


class Stemmer(Protocol):
    """What nltk and rouge_score call to stem a word."""

    @property
    def stem(self) -> Callable[[str], str]:
        """Return the function from a word to its stem."""


class _Cached:
    """A stemmer that remembers: texts repeat their words, and nltk's stemmers are slow."""

    def __init__(self, stemmer: Any) -> None:
        self.stem: Callable[[str], str] = lru_cache(maxsize=1 << 16)(stemmer.stem)


@cache
def snowball(language: Language) -> Stemmer:
    """Return nltk's Snowball stemmer of a language, with a memory."""
    from nltk.stem.snowball import SnowballStemmer

    return _Cached(SnowballStemmer(language))


@cache
def porter() -> Stemmer:
    """Return nltk's Porter stemmer, which rouge_score uses, with a memory."""
    from nltk.stem.porter import PorterStemmer

    return _Cached(PorterStemmer())
