"""Words, stems and safe Unicode: what several metrics must do alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain, pairwise
from operator import itemgetter
from typing import Any, Literal, Protocol, TypeVar

Language = Literal["french", "english", "german", "italian", "spanish", "portuguese", "dutch"]
Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
T = TypeVar("T")

_HYPHENS = "\u2010\u2011\u2012\u2013\u2212"
_SOFT_HYPHEN = "\u00ad"
"""A hint where a line may break: it is no character of the word."""

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
_OPENS = re.compile(r"(?<![^\W_])(?:l\.?\s?o?|[rda])[.*\s]{0,4}\Z")
"""The end of a piece that may be the start of an article number: `L.` before `4121-1`."""
_JOINS = re.compile(r"[.*\d]|o[.*]*(?:\d|\Z)")
"""The start of a piece that may go on with it."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAYBE_MARKS = re.compile("[^\x00-\u02ff]{31}")
"""All combining marks lie above U+02FF; French text never has 31 such characters in a row."""

_MARKS_IN_A_ROW = 30
"""Unicode's own bound: Stream-Safe Text Format, UAX #15 section 13."""
_GRAPHEME_JOINER = "\u034f"


Piece = tuple[Sequence[T], bool, bool]
"""What stands between two white spaces: its words; whether an article number may begin at its
end; whether it may go on with one that the piece before began. Plain, for speed."""
_WORDS_OF, _OPENS_OF, _JOINS_OF = itemgetter(0), itemgetter(1), itemgetter(2)


def words(text: str) -> list[str]:
    """Cut text into words, accents kept.

    The rule: case and compatibility forms fold (`É` = `é`, no-break space = space). A word is
    a run of letters and digits in any script, with its accents; all else parts words and goes
    away, so elisions and compounds split (`l'employeur` -> `l`, `employeur`). An article
    number is one word however it is written: `L. 4121-1`, `L4121-1` and `L.4121–1` are all
    `l4121-1`, `R. * 123-4` is `r123-4`, and a bare `4121-1` stays whole.
    """
    return cut(text, _PIECES)[0]


def cut(text: str, pieces: Mapping[str, Piece[T]]) -> tuple[list[T], list[int]]:
    r"""Cut text at white space and look each piece up, article numbers put together.

    Texts repeat their words, so looking pieces up is several times faster than any pattern
    over the whole text.

    Returns:
        The words, and for each line (of those that "\n" parts) the place where it ends.
    """
    found: list[T] = []
    ends: list[int] = []
    before, held = "", 0
    for line in text.split("\n"):
        tokens = line.split()
        here = list(map(pieces.__getitem__, tokens))
        if (before and here and _JOINS_OF(here[0])) or _has_number_in_pieces(here):
            before, held = _put_together(tokens, pieces, found, ends, (before, held))
        elif here:
            before = tokens[-1] if _OPENS_OF(here[-1]) else ""
            held = len(found) + sum(map(len, map(_WORDS_OF, here[:-1]))) if before else 0
            found += chain.from_iterable(map(_WORDS_OF, here))
        ends.append(len(found))
    return found, ends


def _has_number_in_pieces(here: Sequence[Piece[T]]) -> bool:
    return any(map(_OPENS_OF, here)) and any(
        _OPENS_OF(first) and _JOINS_OF(second) for first, second in pairwise(here)
    )


def _put_together(
    tokens: Sequence[str],
    pieces: Mapping[str, Piece[T]],
    found: list[T],
    ends: list[int],
    last: tuple[str, int],
) -> tuple[str, int]:
    """Add the words of one line, with what belongs to one article number read as one piece.

    Args:
        tokens: The line's pieces.
        pieces: What they are made of.
        found: The words so far.
        ends: The ends of the lines so far.
        last: The piece before, if a number may begin at its end, and where its words begin.

    Returns:
        The same of this line's last piece.
    """
    before, held = last
    for token in tokens:
        here, opens, joins = pieces[token]
        if before and joins:
            token = f"{before} {token}"  # noqa: PLW2901
            here, opens, _ = pieces[token]
            del found[held:]
            ends[:] = [min(end, held) for end in ends]
        before = ""
        if opens:
            before, held = token, len(found)
        found += here
    return before, held


def piece_words(piece: str) -> Piece[str]:
    """Return the words of one piece, as `words` cuts them."""
    folded = normalised("NFKC", piece.casefold())
    if _SOFT_HYPHEN in folded:
        folded = folded.replace(_SOFT_HYPHEN, "")
    if not folded.isascii():
        for hyphen in _HYPHENS:
            folded = folded.replace(hyphen, "-")
    found = [
        word if word.isalnum() else _SEPARATORS.sub("", word) for word in _WORD.findall(folded)
    ]
    return found, bool(_OPENS.search(folded[-9:])), bool(_JOINS.match(folded))


class Pieces(dict[str, Piece[T]]):
    """Pieces that were read already, bounded: full, it forgets them all.

    Args:
        read: From a piece of text to its words.
        size: Pieces that are kept.
    """

    longest = 64
    """Characters. A longer piece is read anew each time, for a text may be one such piece."""

    def __init__(self, read: Callable[[str], Piece[T]], size: int = 1 << 16) -> None:
        super().__init__()
        self.read, self.size = read, size

    def __missing__(self, token: str) -> Piece[T]:
        piece = self.read(token)
        if len(token) <= self.longest:
            if len(self) >= self.size:
                self.clear()
            self[token] = piece
        return piece


_PIECES = Pieces(piece_words)


def normalised(form: Form, text: str) -> str:
    """Return a Unicode normal form, in linear time whatever the text.

    Python's algorithm is quadratic in a run of combining marks: a model that loops over two
    accents would stop the run. Such runs are cut as UAX #15 section 13 says.
    """
    # Counted first, since that costs a tenth of the search.
    above = len(text) - len(text.encode("latin-1", "ignore"))
    if above > _MARKS_IN_A_ROW and _MAYBE_MARKS.search(text):
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
