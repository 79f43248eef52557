"""Citations of an answer, ready to show: where they stand in its text, and their verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmark.records import CitationVerdict, CitedArticle
from benchmark.reporters import diff, mark
from benchmark.reporters import format as fmt

SITE = "https://www.legifrance.gouv.fr/"
"""The only place that a report links to: an answer's text never becomes an address."""
MAX_SHOWN = 40
"""Citations of one answer that are shown; a model that repeats itself names thousands."""

_TONES: dict[CitationVerdict, str] = {
    "in force": "good",
    "amended since": "good",
    "repealed": "bad",
    "not yet in force": "bad",
    "other code": "bad",
    "invented": "bad",
}


class Cite(NamedTuple):
    """One citation."""

    text: str
    verdict: str
    tone: str
    """"good", "bad", or "apart" for what is neither right nor wrong."""
    reason: str
    link: str


class Run(NamedTuple):
    """A run of an answer's text: of one operation, and of one citation or none."""

    operation: str
    text: str
    cite: Cite | None


def shown(cited: Sequence[CitedArticle]) -> tuple[Cite, ...]:
    """Return citations as they are shown, each (text, verdict, reason) once."""
    return tuple(dict.fromkeys(map(_cite, cited[:MAX_SHOWN])))


def wrong(cited: Sequence[CitedArticle]) -> tuple[Cite, ...]:
    """Return those whose verdict is bad."""
    return tuple(cite for cite in shown(cited) if cite.tone == "bad")


def wrong_lines(cites: Sequence[Cite]) -> Iterator[str]:
    """Give the lines of `report.md` on an answer's wrong citations."""
    if not cites:
        return
    for cite in cites:
        page = f" [Légifrance]({cite.link})" if cite.link else ""
        yield f"- ✗ **{mark.text(cite.text)}** ({cite.verdict}): {mark.text(cite.reason)}{page}"
    yield ""


def marked(
    pieces: Sequence[diff.Piece], answer: str, cited: Sequence[CitedArticle], limit: int
) -> tuple[Run, ...]:
    """Return a diff's pieces cut where citations begin and end.

    Args:
        pieces: Those that are not "del" make up the cleaned answer.
        answer: Its text as the citations have it, before it was cleaned.
        cited: Its citations, in order.
        limit: Characters of the answer that are shown.
    """
    places = spans(answer, cited, limit)
    runs: list[Run] = []
    place = 0
    for piece in pieces:
        if piece.operation == "del":
            runs.append(Run("del", piece.text, None))
            continue
        runs += _cut(piece, place, places)
        place += len(piece.text)
    return tuple(runs)


def spans(answer: str, cited: Sequence[CitedArticle], limit: int) -> list[tuple[int, int, Cite]]:
    """Return where citations begin and end in the cleaned answer, as far as it is shown."""
    # Cleaning may shorten line ends, so a place in the page is counted on cleaned text.
    moved = "\r" in answer
    return [
        (
            len(fmt.clean(answer[: one.start])) if moved else one.start,
            len(fmt.clean(answer[: one.end])) if moved else one.end,
            _cite(one),
        )
        for one in cited[:MAX_SHOWN]
        if one.end <= limit
    ]


def _cut(piece: diff.Piece, place: int, spans: Sequence[tuple[int, int, Cite]]) -> Iterator[Run]:
    """Give one piece, which begins at `place` of the answer, in runs."""
    done, end = place, place + len(piece.text)
    for start, stop, cite in spans:
        if stop <= done or start >= end:
            continue
        first, last = max(start, done), min(stop, end)
        if first > done:
            yield Run(piece.operation, piece.text[done - place : first - place], None)
        yield Run(piece.operation, piece.text[first - place : last - place], cite)
        done = last
    if done < end:
        yield Run(piece.operation, piece.text[done - place :], None)


def _cite(one: CitedArticle) -> Cite:
    link = one.link if one.link.startswith(SITE) else ""
    tone = _TONES.get(one.verdict, "apart")
    return Cite(fmt.one_line(one.text, 120), one.verdict, tone, fmt.one_line(one.reason), link)
