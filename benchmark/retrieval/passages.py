"""Documents cut into passages, and passages fitted into a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from benchmark.records import Document

BETWEEN = "\n\n"
"""Between two passages of a prompt, and between two paragraphs."""

_BLANK_LINES = re.compile(r"\n\s*\n")
# Four letters or digits before the stop: "art. L. 4121-1" ends no sentence.
_SENTENCE_END = re.compile(r"(?<=\w{4}[.!?…;])(?=\s)")
_WORD_END = re.compile(r"(?<=\S)(?=\s)")


class Passage(NamedTuple):
    """A piece of a document that can be found."""

    id: str
    document: str
    """Id of the document."""
    group: str
    text: str
    """With the document's title above it."""


class Context(NamedTuple):
    """What of the passages stands in a prompt."""

    text: str
    shown: int
    """Passages, from the first."""
    is_cut: bool
    """Whether the first one did not fit, and lost its end."""


def passages(documents: Iterable[Document], size: int) -> Iterator[Passage]:
    """Give the passages of documents, in order, each of at most `size` characters."""
    for document in documents:
        # A title must not crowd out what it stands above.
        title = cut(document.title.strip(), size // 2)
        head = f"{title}{BETWEEN}" if title else ""
        for number, part in enumerate(_parts(document.text.strip(), size - len(head)), 1):
            name = document.id if number == 1 else f"{document.id}#{number}"
            yield Passage(name, document.id, document.group, head + part)


def fit(texts: Sequence[str], max_chars: int) -> Context:
    """Return as many texts as fit, from the first; the first alone is cut if it must be."""
    whole, shown = "", 0
    for text in texts:
        longer = f"{whole}{BETWEEN}{text}" if shown else text
        if len(longer) > max_chars:
            break
        whole, shown = longer, shown + 1
    if shown or not texts:
        return Context(whole, shown, False)
    first = cut(texts[0], max_chars)
    return Context(first, int(bool(first)), bool(first))


def cut(text: str, size: int) -> str:
    """Return a text's beginning of at most `size` characters.

    It ends with a sentence if that keeps half of the room, else with a word, and inside a word
    only where that is longer than the room.
    """
    if len(text) <= size:
        return text
    for end, least in ((_SENTENCE_END, size // 2), (_WORD_END, 1)):
        places = [place.start() for place in end.finditer(text, 0, size + 1)]
        if places and places[-1] >= least:
            return text[: places[-1]]
    return text[:size].rstrip()


def _parts(text: str, size: int) -> Iterator[str]:
    """Give pieces of a text: whole paragraphs, as many as fit; of a longer one its sentences."""
    waiting = ""
    for paragraph in filter(None, map(str.strip, _BLANK_LINES.split(text))):
        longer = f"{waiting}{BETWEEN}{paragraph}" if waiting else paragraph
        if len(longer) <= size:
            waiting = longer
            continue
        if waiting:
            yield waiting
        waiting = paragraph
        while len(waiting) > size:
            piece = cut(waiting, size)
            yield piece
            waiting = waiting[len(piece) :].lstrip()
    if waiting:
        yield waiting
