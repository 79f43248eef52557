"""Checks of how rows are written: in which language, in which form."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, ClassVar

from benchmark.rows.findings import Kind, Places, Tally, found
from benchmark.rows.row import Finding
from benchmark.rows.similar import folded, key_of
from benchmark.rows.view import View

WINDOW = 400
"""Characters that a language is told by: the first of a prompt, the last of an answer (which may
begin with names and headings)."""
NARROW = 80
"""Characters that are enough for py3langid."""
MIN_CHARS = 25
"""Too little text tells no language."""
COMMON = {
    "fr": "les des du dans aux est sont qui pour une cette ces sur par avec être ou et ne pas",
    "en": "the of and to is in that which for with are by this from it was what who not be does",
}
"""Words that most texts in a language have, and texts in others have few of."""
ENOUGH = 3
"""Different common words tell a language at once; py3langid, far slower, does the rest."""
SLOW = 20_000
"""Texts of a file that are given to py3langid at most; what is beyond counts as not told."""
SURE = 0.7
"""Confidence from which a language is believed."""
_COMMON = {name: frozenset(words.split()) for name, words in COMMON.items()}
UNKNOWN = "unknown"
MOST = 0.9
"""Share of the rows from which a habit is a format, which the others break."""
MIN_ROWS = 10
"""Fewer rows have no habits."""


class Languages:
    """Share of the rows by language, of prompts and of answers."""

    name: ClassVar = "language"

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._slow = SLOW
        self._numbers = {"prompts": array("q"), "answers": array("q")}
        self._told = {"prompts": array("B"), "answers": array("B")}

    def see(self, views: Sequence[View]) -> None:
        """Look at the next rows."""
        for view in views:
            for side, text in (("prompts", view.row.question), ("answers", view.answer)):
                if text.strip():
                    name = self._language(text[-WINDOW:] if side == "answers" else text[:WINDOW])
                    told = self._names.setdefault(name, len(self._names))
                    self._numbers[side].append(view.number)
                    self._told[side].append(told)

    def _language(self, text: str) -> str:
        if len(text) < MIN_CHARS:
            return UNKNOWN
        name = by_common_words(text)
        if name or not self._slow:
            return name or UNKNOWN
        self._slow -= 1
        return by_letters(text[:NARROW])

    def findings(self, places: Places) -> Iterator[Finding]:
        """Give the mix of each side; a few strays among many are a warning."""
        names = list(self._names)
        for side, told in self._told.items():
            counts = Counter({names[at]: count for at, count in Counter(told).items()})
            unknown = counts.pop(UNKNOWN, 0)
            total = counts.total()
            if not total:
                continue
            main = counts.most_common(1)[0][0]
            usual = {self._names[main], self._names.get(UNKNOWN)}
            pairs = zip(self._numbers[side], told, strict=True)
            strays = Tally(number for number, at in pairs if at not in usual)
            stray = 0 < strays.count <= (1 - MOST) * total
            mix = ", ".join(f"{count / total:.1%} {name}" for name, count in counts.most_common(8))
            told_of = f" of {total:,} ({unknown:,} not told)" if unknown else f" of {total:,}"
            where = f"; not {main}: {places.names(strays.rows)}" if strays.count else ""
            yield Finding(
                check=self.name,
                severity="warning" if stray else "info",
                rows=tuple(strays.rows),
                count=strays.count,
                message=f"{side} by language{told_of}: {mix}{where}",
            )


def by_common_words(text: str) -> str:
    """Return "fr" or "en" for a text with common words of that language above all, else ""."""
    present = set(text.lower().split())
    hits = {name: len(present & known) for name, known in _COMMON.items()}
    likely = max(hits, key=lambda name: hits[name])
    others = sum(hits.values()) - hits[likely]
    return likely if hits[likely] >= max(ENOUGH, 3 * others) else ""


def by_letters(text: str) -> str:
    """Return a language's ISO 639 code by py3langid, or "unknown" where it is not sure."""
    sound = text.encode("utf-8", "replace").decode()
    name, confidence = _identifier().classify(sound)
    return str(name) if confidence >= SURE and name != "zxx" else UNKNOWN


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


_LABEL = re.compile(r"\s*(?:[*_#>]+\s*)?([^\W\d_][^\n:*]{0,30}?)(?:\*\*)?\s?:")
"""What stands before a colon at the beginning: "Réponse :", "**Answer**:"."""

HABITS: dict[str, Callable[[View], bool]] = {
    "a system message": lambda view: (
        view.row.messages[:1] != () and view.row.messages[0].role == "system"
    ),
    "an answer that begins in bold": lambda view: view.answer.lstrip().startswith("**"),
    "an answer that begins with a Markdown header": lambda view: (
        re.match(r"\s*#{1,6} ", view.answer) is not None
    ),
    "a Markdown header in the answer": lambda view: (
        "#" in view.answer and (re.search(r"^#{1,6} ", view.answer, re.MULTILINE) is not None)
    ),
    "bold text in the answer": lambda view: (
        "**" in view.answer and (re.search(r"\*\*[^*\n]+\*\*", view.answer) is not None)
    ),
    "a bullet list in the answer": lambda view: (
        re.search(r"^\s{0,8}[-*•] ", view.answer, re.MULTILINE) is not None
    ),
    "a numbered list in the answer": lambda view: (
        re.search(r"^\s{0,8}\d{1,3}[.)] ", view.answer, re.MULTILINE) is not None
    ),
    "a code block in the answer": lambda view: "```" in view.answer,
    "a prompt that ends with a question mark": lambda view: view.prompt.rstrip().endswith("?"),
}
"""What a row can have that its neighbours have too; at most 16, one bit each."""


class FormatHabits:
    """Markdown, prefixes, system messages that most rows have, and some have not."""

    name: ClassVar = "format"
    kind: ClassVar = Kind("warning", "", "write all rows alike")

    def __init__(self) -> None:
        self._bits = array("H")
        self._labels = {"prompt": array("Q"), "answer": array("Q")}
        self._texts: dict[int, str] = {}
        self._formats: Counter[str] = Counter()

    def see(self, views: Sequence[View]) -> None:
        """Look at the next rows."""
        for view in views:
            self._formats[view.row.format] += 1
            self._bits.append(sum(1 << bit for bit, has in enumerate(HABITS.values()) if has(view)))
            for side, text in (("prompt", view.prompt), ("answer", view.answer)):
                self._labels[side].append(self._label(text))

    def findings(self, places: Places) -> Iterator[Finding]:
        """Give the rows that have not what most have."""
        rows = len(self._bits)
        if len(self._formats) > 1:
            mix = ", ".join(f"{count:,} {name}" for name, count in self._formats.most_common())
            yield Finding(
                check=self.name,
                severity="info",
                count=rows,
                message=f"rows were read from {len(self._formats)} formats: {mix}; "
                "convert them to one to train on them alike",
            )
        for bit, habit in enumerate(HABITS):
            without = Tally(at for at, bits in enumerate(self._bits) if not bits >> bit & 1)
            yield from self._breaks(habit, without, rows, places)
        for side, labels in self._labels.items():
            usual, _ = Counter(labels).most_common(1)[0] if labels else (0, 0)
            if usual:
                without = Tally(at for at, label in enumerate(labels) if label != usual)
                habit = f'the beginning "{self._texts.get(usual, "...")}:" of the {side}'
                yield from self._breaks(habit, without, rows, places)

    def _breaks(self, habit: str, without: Tally, rows: int, places: Places) -> Iterator[Finding]:
        if rows >= MIN_ROWS and 0 < without.count <= (1 - MOST) * rows:
            share = 1 - without.count / rows
            what = f"without {habit}, which {share:.1%} of the rows have"
            yield found(self.name, self.kind._replace(what=what), without, places)

    def _label(self, text: str) -> int:
        hit = _LABEL.match(text[:60])
        if not hit:
            return 0
        label = folded(hit[1])
        key = key_of(label)
        if len(self._texts) < 1000:
            self._texts.setdefault(key, label)
        return key
