"""Which texts are the same, nearly the same, or part of one another.

The same: by a 64-bit hash of the text, with case, Unicode form and white space folded. Nearly
the same: by the Jaccard similarity of their word shingles, estimated from MinHash signatures
(Broder 1997) whose slots keep 16 bits (b-bit MinHash, Li & König 2010), with candidates from
locality-sensitive hashing in bands. Part of one another: by the share of n-grams found.

Texts without spaces between words (Chinese, Japanese, Thai) count as one word: of those, only
equal ones are found.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SLOTS = 128
"""Of a signature: the standard error of an estimate is at most sqrt(1/4/128) = 0.044."""
SEED = 1
SHINGLE = 5
"""Words in a shingle."""

_WORD = re.compile(r"\w+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ODD = re.compile("[^\x00-\u02ff]{31}|[\ud800-\udfff]")
"""A surrogate, or a run that may be of combining marks: they all lie above U+02FF, and French
text never has 31 such characters in a row."""
_PIECE = 1000
_PAIRS = 100_000
"""Compared at a time: 25 MB on each side."""


def folded(text: str) -> str:
    """Return a text with case, Unicode form (NFC) and runs of white space made alike.

    Lone surrogates, which no hash takes, become U+FFFD.
    """
    if not text.isascii():
        if _ODD.search(text):
            text = _SURROGATE.sub("\ufffd", text)
            # Composing is quadratic in a run of combining marks: one hostile row of a megabyte
            # would stop everything. In pieces it is not, and hardly any text comes here.
            pieces = (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
            text = "".join(unicodedata.normalize("NFC", piece) for piece in pieces)
        else:
            text = unicodedata.normalize("NFC", text)
    return " ".join(text.casefold().split())


def key_of(text: str) -> int:
    """Return the 64-bit hash of a folded text (2e-7: that any two of 3 million texts collide)."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def words(text: str) -> list[str]:
    """Return the words of a folded text: its runs of letters, digits and underscores."""
    return _WORD.findall(text)


def shingles(of: Sequence[str], size: int = SHINGLE) -> list[str]:
    """Return the runs of `size` words, repetitions included; a shorter text is one shingle."""
    if len(of) <= size:
        return [" ".join(of)] if of else []
    return list(map(" ".join, zip(*(of[start:] for start in range(size)), strict=False)))


def jaccard(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the share of two texts' shingles that both have, exactly; 1.0 for two empty ones."""
    left, right = set(first), set(second)
    return len(left & right) / len(left | right) if left or right else 1.0


def containment(part: Sequence[str], whole: Sequence[str]) -> float:
    """Return the share of the shingles in `part` that `whole` has too; 0.0 for an empty part."""
    wanted = set(part)
    return len(wanted & set(whole)) / len(wanted) if wanted else 0.0


class Pair(NamedTuple):
    """Two texts that are nearly the same, by their numbers, and how much."""

    first: int
    second: int
    similarity: float


class Signatures:
    """The MinHash signatures of texts, 256 bytes each, in the order in which they came.

    A text without shingles takes its place in the order, and is like no other.

    Args:
        bands: Into how many bands the slots are cut. Two texts of Jaccard similarity J are
            compared with probability 1 - (1 - J^r)^bands, where r = 128 // bands. The default,
            21 bands of 6, compares 99.8 % of the pairs at 0.8 and 28 % of those at 0.5.
    """

    def __init__(self, bands: int = 21) -> None:
        self.bands = bands
        self._slots = array("H")

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._slots) // SLOTS

    def add(self, texts: Sequence[Sequence[str]]) -> None:
        """Add texts by their shingles; much faster in batches of some hundreds."""
        import numpy as np
        from rensa import RMinHash

        if texts:
            rows = RMinHash.digest_matrix_from_token_sets(texts, SLOTS, SEED).to_rows()
            self._slots.frombytes(np.asarray(rows, dtype=np.uint32).astype(np.uint16).tobytes())

    def matrix(self) -> NDArray[np.uint16]:
        """Return the signatures, of shape (texts, SLOTS), not copied: add none while it lives."""
        import numpy as np

        return np.frombuffer(self._slots, dtype=np.uint16).reshape(-1, SLOTS)

    def repeats(
        self, threshold: float, among: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Return for each text the number of an earlier one that is nearly the same, else -1.

        Time and memory are linear in the number of texts, whatever they are: within a band a
        text is compared with the first and with the previous one of its bucket.

        Args:
            threshold: Smallest estimated Jaccard similarity.
            among: Numbers, ascending, of the only texts to look at; None for all.
        """
        import numpy as np

        slots = self.matrix()
        earlier = np.full(len(slots), -1, dtype=np.int64)
        among = np.arange(len(slots)) if among is None else among
        among = among[_has_shingles(slots, among)]
        for band in range(self.bands):
            keys = _band(slots, self.bands, band)[among]
            order = np.argsort(keys, kind="stable")
            opens = np.concatenate(([True], keys[order[1:]] != keys[order[:-1]]))[: len(order)]
            heads = np.maximum.accumulate(np.where(opens, np.arange(len(order)), 0))
            later = np.flatnonzero(~opens)
            for other in (heads[later], later - 1):
                texts, others = among[order[later]], among[order[other]]
                still = earlier[texts] < 0
                texts, others = texts[still], others[still]
                alike = _estimates(slots, texts, slots, others) >= threshold
                earlier[texts[alike]] = others[alike]
        return earlier

    def matches(self, stock: Signatures, threshold: float, bucket: int = 64) -> list[Pair]:
        """Return the pairs of a text of these with one of `stock`, the most similar first.

        Args:
            stock: Signatures cut into as many bands.
            threshold: Smallest estimated Jaccard similarity.
            bucket: In each band a text is compared with so many of its bucket at most.
        """
        import numpy as np

        mine, theirs = self.matrix(), stock.matrix()
        found = [np.empty(0, dtype=np.int64)]
        for band in range(self.bands):
            keys = _band(theirs, self.bands, band)
            order = np.argsort(keys, kind="stable")
            wanted = _band(mine, self.bands, band)
            left = np.searchsorted(keys, wanted, "left", sorter=order)
            right = np.searchsorted(keys, wanted, "right", sorter=order)
            counts = np.minimum(right - left, bucket)
            texts = np.repeat(np.arange(len(mine)), counts)
            steps = np.arange(len(texts)) - np.repeat(np.cumsum(counts) - counts, counts)
            found.append(texts * len(theirs) + order[np.repeat(left, counts) + steps])
        codes = np.unique(np.concatenate(found))
        texts, others = np.divmod(codes, max(1, len(theirs)))
        full = _has_shingles(mine, texts)
        texts, others = texts[full], others[full]
        estimates = _estimates(mine, texts, theirs, others)
        ranked = np.argsort(-estimates, kind="stable")
        return [
            Pair(int(texts[rank]), int(others[rank]), float(estimates[rank]))
            for rank in ranked[estimates[ranked] >= threshold]
        ]


def _band(slots: NDArray[np.uint16], bands: int, band: int) -> NDArray[np.uint64]:
    """Return each text's bucket in a band: a hash of its slots there (FNV-1a, 16 bits a step)."""
    import numpy as np

    width = SLOTS // bands
    keys = np.full(len(slots), 0xCBF29CE484222325, dtype=np.uint64)
    for slot in range(band * width, (band + 1) * width):
        keys = (keys ^ slots[:, slot]) * np.uint64(0x100000001B3)
    return keys


def _has_shingles(slots: NDArray[np.uint16], texts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which texts have any shingle: the library fills the slots of the others with ones."""
    import numpy as np

    empty = np.full(len(slots), True)
    for slot in range(8):  # a slot of a text that has some is all ones once in 65,536
        empty &= slots[:, slot] == 0xFFFF
    return ~empty[texts]


def _estimates(
    left: NDArray[np.uint16],
    lefts: NDArray[np.int64],
    right: NDArray[np.uint16],
    rights: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the estimated Jaccard similarity of pairs: the share of equal slots."""
    import numpy as np

    found = np.empty(len(lefts))
    for start in range(0, len(lefts), _PAIRS):
        stop = start + _PAIRS
        equal = left[lefts[start:stop]] == right[rights[start:stop]]
        found[start:stop] = equal.mean(axis=1)
    return found
