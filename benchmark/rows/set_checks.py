"""Checks that compare the rows of a file with one another: the same, or nearly.

They keep numbers, not texts: 8 bytes a row for equal ones, 256 for similar ones.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from benchmark.rows.findings import Kind, Places, Tally, found
from benchmark.rows.row import Finding
from benchmark.rows.row_checks import MIN_WORDS
from benchmark.rows.similar import Signatures
from benchmark.rows.view import View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAR = 0.8
"""Jaccard similarity of 5-word shingles from which two texts are near duplicates."""
NEAR_ROWS = 1_000_000
"""Near duplicates are looked for among so many rows at most (256 MB for each of the checks)."""


class DuplicateRows:
    """Rows that are there twice."""

    name: ClassVar = "duplicate_rows"
    kind: ClassVar = Kind("warning", "the same prompt and answer as an earlier row", "drop them")

    def __init__(self) -> None:
        self._numbers = array("q")
        self._keys = array("Q")

    def see(self, views: Sequence[View]) -> None:
        """Look at the next rows."""
        for view in views:
            if view.row.messages or view.answer:
                self._numbers.append(view.number)
                self._keys.append(view.row_key)

    def findings(self, places: Places) -> Iterator[Finding]:
        """Give the rows that repeat an earlier one."""
        yield from _repeats(self.name, self.kind, _first(self._keys), self._numbers, places)


class SameButOther:
    """Rows that are the same as an earlier one in one way, and not in another."""

    name: ClassVar[str]
    kind: ClassVar[Kind]

    def __init__(self) -> None:
        self._numbers = array("q")
        self._same = array("Q")
        self._other = array("Q")

    def see(self, views: Sequence[View]) -> None:
        """Look at the next rows."""
        for view in views:
            keys = self.keys(view)
            if keys:
                self._numbers.append(view.number)
                self._same.append(keys[0])
                self._other.append(keys[1])

    def findings(self, places: Places) -> Iterator[Finding]:
        """Give the rows, each beside the first one that it is like."""
        import numpy as np

        first = _first(self._same)
        other = np.frombuffer(self._other, dtype=np.uint64)
        first[(first >= 0) & (other == other[first])] = -1
        yield from _repeats(self.name, self.kind, first, self._numbers, places)

    def keys(self, view: View) -> tuple[int, int] | None:
        """Return what is the same and what is not, as hashes; None leaves the row out."""
        raise NotImplementedError


class ConflictingAnswers(SameButOther):
    """The same prompt with different answers; several pairs for one prompt are usual."""

    name = "conflicting_answers"
    kind = Kind(
        "warning",
        "the same prompt as an earlier row, but another answer",
        "keep one answer, or say in the prompt what tells them apart",
    )

    def keys(self, view: View) -> tuple[int, int] | None:
        """Return prompt and answer."""
        whole = view.prompt.strip() and view.answer.strip() and view.row.rejected is None
        return (view.prompt_key, view.answer_key) if whole else None


class DuplicateAnswers(SameButOther):
    """The same answer to different prompts; short ones repeat by nature."""

    name = "duplicate_answers"
    kind = Kind(
        "info", "the same answer as an earlier row, to another prompt", "see whether that is meant"
    )

    def keys(self, view: View) -> tuple[int, int] | None:
        """Return answer and prompt."""
        wanted = view.row.messages and len(view.answer_words) >= MIN_WORDS
        return (view.answer_key, view.prompt_key) if wanted else None


class NearDuplicates:
    """Texts that are nearly the same, but not equal."""

    name: ClassVar[str]
    kind: ClassVar[Kind]

    def __init__(self) -> None:
        self._numbers = array("q")
        self._keys = array("Q")
        self._signatures = Signatures()
        self._left_out = 0

    def see(self, views: Sequence[View]) -> None:
        """Look at the next rows."""
        room = max(0, NEAR_ROWS - len(self._keys))
        texts = [(view, of) for view in views if (of := self.shingles(view))]
        self._left_out += len(texts[room:])
        self._signatures.add([of for _, of in texts[:room]])
        self._numbers.extend(view.number for view, _ in texts[:room])
        self._keys.extend(self.key(view) for view, _ in texts[:room])

    def findings(self, places: Places) -> Iterator[Finding]:
        """Give the rows that are nearly an earlier one; equal ones are another check's."""
        import numpy as np

        among = np.flatnonzero(_first(self._keys) < 0)
        near = self._signatures.repeats(NEAR, among)
        yield from _repeats(self.name, self.kind, near, self._numbers, places)
        if self._left_out:
            yield Finding(
                check=self.name,
                severity="info",
                count=self._left_out,
                message=f"{self._left_out:,} rows were not compared: only the first "
                f"{NEAR_ROWS:,} are; split the file to compare the others",
            )

    def shingles(self, view: View) -> list[str]:
        """Return what of a row is compared."""
        raise NotImplementedError

    def key(self, view: View) -> int:
        """Return the hash of what is compared."""
        raise NotImplementedError


class NearRows(NearDuplicates):
    """Rows, prompt and answer together."""

    name = "near_duplicate_rows"
    kind = Kind("warning", "nearly the same prompt and answer as an earlier row", "drop one each")

    def shingles(self, view: View) -> list[str]:
        """Return the whole row's."""
        return view.row_shingles

    def key(self, view: View) -> int:
        """Return the whole row's hash."""
        return view.row_key


class NearPrompts(NearDuplicates):
    """Prompts."""

    name = "near_duplicate_prompts"
    kind = Kind("info", "nearly the same prompt as an earlier row", "see whether that is meant")

    def shingles(self, view: View) -> list[str]:
        """Return the prompt's."""
        return view.prompt_shingles

    def key(self, view: View) -> int:
        """Return the prompt's hash."""
        return view.prompt_key


class NearAnswers(NearDuplicates):
    """Answers to a prompt; texts without one are rows."""

    name = "near_duplicate_answers"
    kind = Kind("info", "nearly the same answer as an earlier row", "see whether that is meant")

    def shingles(self, view: View) -> list[str]:
        """Return the answer's."""
        return view.answer_shingles if view.row.messages else []

    def key(self, view: View) -> int:
        """Return the answer's hash."""
        return view.answer_key


def _first(keys: array[int]) -> NDArray[np.int64]:
    """Return for each key the position of its first occurrence, or -1 for that one itself."""
    import numpy as np

    _, starts, inverse = np.unique(
        np.frombuffer(keys, dtype=np.uint64), return_index=True, return_inverse=True
    )
    first = starts[inverse].astype(np.int64)
    first[first == np.arange(len(first))] = -1
    return first


def _repeats(
    check: str, kind: Kind, first: NDArray[np.int64], numbers: array[int], places: Places
) -> Iterator[Finding]:
    """Give one finding for all rows that repeat an earlier one.

    Args:
        check: The check's name.
        kind: What is wrong with them.
        first: For each position, that of the earlier row, or -1.
        numbers: The row number of each position.
        places: Of all rows.
    """
    import numpy as np

    tally = Tally(numbers[at] for at in np.flatnonzero(first >= 0))
    if tally.count:
        at = int(np.flatnonzero(first >= 0)[0])
        pair = places.name(numbers[at]), places.name(numbers[int(first[at])])
        yield found(check, kind, tally, places, f"{pair[0]} and {pair[1]}, for instance")
