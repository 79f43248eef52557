"""Texts as numbers: each text is cut once for all metrics, within a fixed amount of memory."""

from __future__ import annotations

import string
import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Literal, NamedTuple

from benchmark.metrics.text import Language, Piece, Pieces, cut, piece_words, porter, snowball

Cut = Literal["words", "rouge_score", "rouge_score+porter", "13a", "intl", "char", "none", "chrf"]
"""How a text is cut: `text.words`, rouge_score's way, or one of sacrebleu's tokenizers."""

MAX_BYTES = 32 << 20
"""Of the texts and numbers that are remembered, in one thread."""
MAX_PIECES = 1 << 17
"""Different pieces of text whose words are remembered, for each way to cut."""
MAX_WORDS, MAX_CHARS = 1 << 18, 1 << 24
"""Different words, and their characters; beyond, numbering starts anew with the next texts."""


class Tokens(NamedTuple):
    """One text: the numbers of its words, and where each of its lines ends among them."""

    ids: array[int]
    ends: array[int]

    @property
    def size(self) -> int:
        """Return the bytes that it takes."""
        return self.ids.itemsize * (len(self.ids) + len(self.ends)) + 300

    def lines(self) -> list[array[int]]:
        """Return the numbers line by line, without the lines that have none."""
        found, start = [], 0
        for end in self.ends:
            if end > start:
                found.append(self.ids[start:end])
            start = end
        return found


class Lexicon:
    """Words and their numbers, and the last texts that were cut."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.chars = 0
        self._ids: dict[str, int] = {}
        self._pieces: dict[Cut, Pieces[int]] = {}
        self._texts: OrderedDict[tuple[Cut, str], Tokens] = OrderedDict()
        self._bytes = 0
        self._stems: dict[Language, tuple[Any, dict[str, int]]] = {}

    def read(self, how: Cut, text: str) -> Tokens:
        """Return the numbers of a text's words: equal words, equal numbers."""
        known = self._texts.get((how, text))
        if known is not None:
            self._texts.move_to_end((how, text))
            return known
        if how not in self._pieces:
            self._pieces[how] = Pieces(self._reader(how), MAX_PIECES)
        ids, ends = cut(_made_ready(how, text), self._pieces[how])
        found = Tokens(array("I", ids), array("I", ends))
        size = found.size + len(text)
        if size <= MAX_BYTES // 8:
            self._texts[how, text] = found
            self._bytes += size
            while self._bytes > MAX_BYTES:
                (_, old), gone = self._texts.popitem(last=False)
                self._bytes -= gone.size + len(old)
        return found

    def stems(self, language: Language, ids: Any) -> Any:
        """Return the numbers of the Snowball stems of words; stems are numbered apart from words.

        A stem is made when it is asked for: nltk takes longer for one than METEOR for a text.
        """
        import numpy as np

        known, numbers = self._stems.setdefault(language, (np.zeros(0, dtype=np.int64), {}))
        if len(known) < len(self.words):
            known = np.concatenate([known, np.full(len(self.words) - len(known), -1)])
            self._stems[language] = known, numbers
        ids = np.asarray(ids)
        found = known[ids]
        if (found < 0).any():
            stem = snowball(language).stem
            for number in np.unique(ids[found < 0]).tolist():
                word = self.words[number]
                # Article numbers have no ending to take off, and there are very many of them.
                plain = word[-1:].isdigit() and word.isascii()
                known[number] = numbers.setdefault(word if plain else stem(word), len(numbers))
            found = known[ids]
        return found

    def stem_words(self, language: Language) -> list[str]:
        """Return the stems that were made so far, in the order of their numbers."""
        return list(self._stems[language][1])

    def number(self, word: str) -> int:
        """Return the number of a word."""
        found = self._ids.get(word)
        if found is None:
            found = self._ids[word] = len(self.words)
            self.words.append(word)
            self.chars += len(word)
        return found

    def _reader(self, how: Cut) -> Callable[[str], Piece[int]]:
        split = _splitter(how)

        def read(piece: str) -> Piece[int]:
            found, opens, joins = split(piece)
            return [self.number(word) for word in found], opens, joins

        return read


_LOCAL = threading.local()


def read(how: Cut, texts: Sequence[str]) -> tuple[Lexicon, list[Tokens]]:
    """Return texts as numbers that may be compared with each other, and what they stand for."""
    lexicon: Lexicon | None = getattr(_LOCAL, "lexicon", None)
    if lexicon is None or len(lexicon.words) > MAX_WORDS or lexicon.chars > MAX_CHARS:
        lexicon = _LOCAL.lexicon = Lexicon()
    return lexicon, [lexicon.read(how, text) for text in texts]


def _made_ready(how: Cut, text: str) -> str:
    if how == "13a":
        # What sacrebleu's tokenizer does before it looks at single characters.
        text = text.rstrip().replace("<skipped>", "").replace("-\n", "")
        if "&" in text:
            for entity, char in _ENTITIES:
                text = text.replace(entity, char)
    elif how == "intl":
        # It looks at what stands before a piece, so it gets the whole text.
        text = _sacrebleu("intl")(text.rstrip())
    return text


_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


def _splitter(how: Cut) -> Callable[[str], Piece[str]]:
    """Return the function from a piece of text to its words."""
    if how == "words":
        return piece_words
    if how in ("rouge_score", "rouge_score+porter"):
        return _rouge_score(stemmed=how == "rouge_score+porter")
    if how == "13a":
        # White space parts tokens, and no rule of 13a looks across it.
        mteval = _sacrebleu("13a")
        return lambda piece: (
            [piece] if piece.isalnum() else mteval(f" {piece} ").split(),
            False,
            False,
        )
    if how == "chrf":
        return lambda piece: (_without_punctuation(piece), False, False)
    if how == "char":
        return lambda piece: (list(piece), False, False)
    return lambda piece: ([piece], False, False)


def _rouge_score(*, stemmed: bool) -> Callable[[str], Piece[str]]:
    from rouge_score.tokenize import tokenize

    stemmer = porter() if stemmed else None

    def split(piece: str) -> Piece[str]:
        # Most pieces are one plain word, which its pattern would only find again.
        if not stemmed and piece.isascii() and piece.isalnum():
            return [piece.lower()], False, False
        return tokenize(piece, stemmer), False, False

    return split


def _without_punctuation(word: str) -> list[str]:
    """Part one ASCII mark from a word's end, or else from its start, as chrF++ does."""
    if len(word) > 1 and word[-1] in string.punctuation:
        return [word[:-1], word[-1]]
    if len(word) > 1 and word[0] in string.punctuation:
        return [word[0], word[1:]]
    return [word]


@cache
def _sacrebleu(name: Literal["13a", "intl"]) -> Callable[[str], str]:
    """Return one of sacrebleu's tokenizers, without its memory of 65,536 whole texts."""
    kind: Any
    if name == "13a":
        from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp as kind
    else:
        from sacrebleu.tokenizers.tokenizer_intl import TokenizerV14International as kind
    return partial(kind.__call__.__wrapped__, kind())
