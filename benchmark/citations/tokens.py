"""Text to tokens: words, numbers and marks, each with its place; noise is left out.

Noise is what may stand anywhere without meaning: white space of all kinds, Markdown emphasis,
the address of a Markdown link, HTML tags, characters without width. So `**L. 4121‑1**`,
`[L. 4121-1](https://…)` and `R.* 123-4` read as the same tokens as without it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

Kind = Literal["word", "number", "mark", "break"]

_DASH = "-‐‑‒–—−"
_NO_WIDTH = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
# Every alternative begins with its own character and stops at the next of them, so that the
# pattern reads each character a fixed number of times, whatever the text.
_TOKEN = re.compile(
    rf"""
    (?P<break>\n[^\S\n]*\n\s*)                        # an empty line ends what is being listed
  | (?P<noise>[\s*_`~\[\\{_NO_WIDTH}\x00]+
      | \]\([^()\s]{{0,600}}\) | \] | https?://[^\s()<>\]]+ | </?[a-zA-Z][^<>]{{0,600}}>)
  | (?P<number>[0-9]+(?:[{_DASH}][0-9]+)*)
  | (?P<word>[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*)
  | (?P<mark>(?P<one>.)(?P=one)*)
    """,
    re.VERBOSE | re.DOTALL,
)
_FOLD = str.maketrans({"’": "'", "ʼ": "'", "‘": "'", "œ": "oe", "Œ": "OE", "º": "°"})
_DASHES = re.compile(f"[{_DASH}]")


class Token(NamedTuple):
    """One piece of a text: `source[start:end] == raw`."""

    kind: Kind
    text: str
    """In small letters without accents; dashes as "-"."""
    raw: str
    start: int
    end: int


END = Token("break", "", "", 0, 0)
"""What stands before the first and behind the last token."""


def folded(text: str) -> str:
    """Return a text in small letters, without accents, with plain apostrophes."""
    if text.isascii():
        return text.lower()
    return "".join(map(_folded_char, text.translate(_FOLD)))


@lru_cache(maxsize=4096)
def _folded_char(char: str) -> str:
    # One by one: to put a million marks in order takes the square of their number.
    apart = unicodedata.normalize("NFKD", char)
    return "".join(part for part in apart if not unicodedata.combining(part)).lower()


def tokenise(text: str) -> list[Token]:
    """Return the tokens of any text, in order."""
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        # The innermost group that closed last: `one` closes before `mark`.
        if kind == "noise" or kind is None:
            continue
        raw = match.group()
        plain = _DASHES.sub("-", raw) if kind in ("number", "mark") else raw
        found.append(Token(kind, folded(plain), raw, *match.span()))  # type: ignore[arg-type]
    return found
