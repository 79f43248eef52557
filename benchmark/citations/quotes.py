"""Quote fidelity: how much of what stands in quotation marks is in the article cited beside it.

A quotation belongs to the nearest citation before or behind it in the same paragraph, at most
`REACH` characters away. Its words count as found where they are part of `RUN` words in a row that
the article has too: single words prove nothing, "de la" is in every article. Shorter quotations
are names ("CDD"), and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmark.citations.tokens import folded
from benchmark.citations.verify import Checked

REACH = 300
RUN = 3
_QUOTED = re.compile(r"«([^«»]{1,20000})»|“([^“”]{1,20000})”|\"([^\"]{1,20000})\"")
_WORD = re.compile(r"[^\W_]+")
_PARAGRAPH = re.compile(r"\n\s*\n")


class Quote(NamedTuple):
    """A quotation: its words, and the citation that it stands beside."""

    words: tuple[str, ...]
    beside: Checked


def quotes(text: str, checked: Sequence[Checked]) -> Iterator[Quote]:
    """Give the quotations that stand beside a citation of an article that is there."""
    known = [one for one in checked if one.entries]
    breaks = [match.start() for match in _PARAGRAPH.finditer(text)] if known else []
    first = 0
    for match in _QUOTED.finditer(text) if known else ():
        found = words(match.group(match.lastindex or 0))
        # Both run forward: what is far before this quotation is far before the next.
        while first < len(known) and known[first].cited.end < match.start() - REACH:
            first += 1
        near = _nearest(known, first, match.start(), match.end(), breaks)
        if near is not None and len(found) >= RUN:
            yield Quote(found, near)


def _nearest(
    known: Sequence[Checked], first: int, start: int, end: int, breaks: Sequence[int]
) -> Checked | None:
    best: tuple[int, Checked] | None = None
    for place in range(first, len(known)):
        one = known[place]
        if one.cited.start > end + REACH:
            break
        far = max(start - one.cited.end, one.cited.start - end)
        low, high = min(one.cited.end, start), max(one.cited.start, end)
        if far < 0 or far > REACH or _any_between(breaks, low, high):
            continue  # inside of the quotation: the article's own cross-reference
        if best is None or far < best[0]:
            best = far, one
    return best[1] if best else None


def _any_between(breaks: Sequence[int], low: int, high: int) -> bool:
    from bisect import bisect_left

    at = bisect_left(breaks, low)
    return at < len(breaks) and breaks[at] < high


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text in small letters without accents."""
    return tuple(_WORD.findall(folded(text)))


def found(quoted: Sequence[str], article: Sequence[str]) -> int:
    """Return how many quoted words are part of `RUN` words in a row of the article."""
    runs = {tuple(article[at : at + RUN]) for at in range(len(article) - RUN + 1)}
    inside = [False] * len(quoted)
    for at in range(len(quoted) - RUN + 1):
        if tuple(quoted[at : at + RUN]) in runs:
            inside[at : at + RUN] = [True] * RUN
    return sum(inside)
