"""Word-level difference between an answer and its reference."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

Operation = Literal["same", "ins", "del"]
MAX_PAIRS = 50_000
"""Pairs of equal words. Texts with more are not compared: a model that repeats itself for
hundreds of words would keep the comparison busy for seconds."""
_LONELY = 2
"""This many equal words between two changes are chance ("de la"), and only break up the text."""
_TOKEN = re.compile(r"\s*\S+\s*")


class Piece(NamedTuple):
    """A run of words that is in both texts, only in the answer (ins), or only in the reference."""

    operation: Operation
    text: str


class Diff(NamedTuple):
    """How an answer differs from its reference."""

    pieces: tuple[Piece, ...]
    shared: float | None
    """Share of words in common: 2 × same / (words of both); None when they were not compared."""


def words(answer: str, reference: str) -> Diff:
    """Compare two texts word by word; white space does not count as a difference.

    The pieces that are not "del" make up the answer exactly; those that are not "ins" hold the
    reference's words in order. Texts with more than `MAX_PAIRS` pairs are not compared.
    """
    right_words, left_words = answer.split(), reference.split()
    if left_words == right_words:
        return Diff((Piece("same", answer),), 1.0)
    repeated = Counter(right_words)
    if sum(repeated[word] for word in left_words) > MAX_PAIRS:
        return Diff((Piece("same", answer),), None)
    # Tokens are the words with the white space around them, so that they add up to the text;
    # a text without a word is one token.
    right, left = _TOKEN.findall(answer) or [answer], _TOKEN.findall(reference) or [reference]
    matcher = SequenceMatcher(None, left_words or [""], right_words or [""], autojunk=False)
    pieces: list[Piece] = []
    for tag, from_left, to_left, from_right, to_right in _fold(matcher.get_opcodes()):
        if tag == "equal":
            _add(pieces, "same", right[from_right:to_right])
            continue
        _add(pieces, "del", left[from_left:to_left])
        _add(pieces, "ins", right[from_right:to_right])
    same = sum(block.size for block in matcher.get_matching_blocks())
    return Diff(tuple(pieces), 2 * same / (len(left_words) + len(right_words)))


Opcode = tuple[str, int, int, int, int]


def _fold(opcodes: Sequence[Opcode]) -> list[Opcode]:
    """Merge neighbouring changes, and the few equal words between them, into one change."""
    folded: list[Opcode] = []
    for index, (tag, left, to_left, right, to_right) in enumerate(opcodes):
        is_inside = 0 < index < len(opcodes) - 1
        is_change = tag != "equal" or (is_inside and to_left - left <= _LONELY)
        if is_change and folded and folded[-1][0] == "replace":
            folded[-1] = ("replace", folded[-1][1], to_left, folded[-1][3], to_right)
        else:
            folded.append(("replace" if is_change else "equal", left, to_left, right, to_right))
    return folded


def _add(pieces: list[Piece], operation: Operation, tokens: list[str]) -> None:
    text = "".join(tokens)
    # The last word of a text brings no space that would keep it from a neighbour of the other.
    if text and pieces and not pieces[-1].text[-1].isspace():
        if operation == "del":
            text = " " + text
        elif pieces[-1].operation == "del":
            pieces[-1] = Piece("del", pieces[-1].text + " ")
    if text:
        pieces.append(Piece(operation, text))
