"""Checks that need one row at a time: is it whole, in order, long enough, and its own answer's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import ClassVar

from benchmark.rows import damage, pii
from benchmark.rows.findings import Kind, Places, Tally, found
from benchmark.rows.row import Finding
from benchmark.rows.similar import containment, shingles
from benchmark.rows.view import View

MIN_WORDS = 10
"""Of an answer: the practical guides' rule."""
LEAK_WORDS = 5
"""Shorter answers may stand in their prompt: a choice, a name, a quotation to classify."""
LONG_WORDS = 50
LONG_SHINGLE = 13
LONG_SHARE = 0.8
"""A long answer is in its prompt when so much of its 13-grams is."""


class RowCheck:
    """One check over single rows; each kind of trouble that it sees becomes one finding."""

    name: ClassVar[str]
    kinds: ClassVar[dict[str, Kind]]

    def __init__(self) -> None:
        self._rows: defaultdict[str, Tally] = defaultdict(Tally)

    def see(self, views: Sequence[View]) -> None:
        """Look at the next rows."""
        for view in views:
            for kind in self.of(view):
                self._rows[kind].add(view.number)

    def findings(self, places: Places) -> Iterator[Finding]:
        """Give what was found, once all rows were seen."""
        for name, kind in self.kinds.items():
            if name in self._rows:
                yield found(self.name, kind, self._rows[name], places)

    def of(self, view: View) -> Iterable[str]:
        """Give the kinds of trouble in one row, each once."""
        raise NotImplementedError


class Empty(RowCheck):
    """Empty or missing fields."""

    name = "empty"
    kinds: ClassVar = {
        "row": Kind("error", "there is neither a message nor a text", "fill or drop them"),
        "text": Kind("error", "the text is empty", "fill or drop them"),
        "prompt": Kind("error", "the prompt is empty", "fill or drop them"),
        "answer": Kind("error", "the answer is empty", "fill or drop them"),
        "turn": Kind("error", "an earlier turn is empty", "fill or drop them"),
    }

    def of(self, view: View) -> Iterable[str]:
        """Give what is empty."""
        turns = view.row.messages
        if not turns:
            if view.row.text is None:
                yield "row"
            elif _blank(view.row.text):
                yield "text"
            return
        users = [turn for turn in turns if turn.role == "user"]
        if not users or _blank(users[-1].content):
            yield "prompt"
        if turns[-1].role == "assistant" and _blank(turns[-1].content):
            yield "answer"
        last = [*users[-1:], turns[-1]]
        if any(_blank(turn.content) and not any(turn is one for one in last) for turn in turns):
            yield "turn"


class Roles(RowCheck):
    """Roles and turn order."""

    name = "roles"
    kinds: ClassVar = {
        "first": Kind("error", "the assistant speaks first", "put the user's turn before it"),
        "users": Kind("error", "two user turns in a row", "join them or add the answer between"),
        "assistants": Kind("error", "two assistant turns in a row", "join them"),
        "system": Kind("error", "a system message is not the first", "move it to the front"),
        "final": Kind("error", "the last turn is not the assistant's", "add the answer or drop it"),
    }

    def of(self, view: View) -> Iterable[str]:
        """Give what is out of order."""
        roles = [turn.role for turn in view.row.messages]
        if not roles:
            return
        if "system" in roles[1:]:
            yield "system"
        spoken = [role for role in roles if role != "system"]
        if spoken[:1] == ["assistant"]:
            yield "first"
        pairs = set(pairwise(spoken))
        if ("user", "user") in pairs:
            yield "users"
        if ("assistant", "assistant") in pairs:
            yield "assistants"
        if roles[-1] != "assistant":
            yield "final"


class Preference(RowCheck):
    """Pairs of answers that prefer nothing."""

    name = "preference"
    kinds: ClassVar = {
        "empty": Kind("error", "the rejected answer is empty or missing", "fill or drop them"),
        "same": Kind(
            "error", "the rejected answer is the chosen one", "write a worse one, or drop them"
        ),
    }

    def of(self, view: View) -> Iterable[str]:
        """Give what keeps a pair from saying which answer is better."""
        rejected = view.row.rejected
        if rejected is None and view.row.format != "preference":
            return
        if _blank(rejected or ""):
            yield "empty"
        elif rejected is not None and rejected.strip() == view.answer.strip():
            yield "same"


class ShortAnswer(RowCheck):
    """Answers of fewer than ten words."""

    name = "short_answer"
    kinds: ClassVar = {
        "short": Kind(
            "warning",
            f"the answer has fewer than {MIN_WORDS} words",
            "lengthen or drop them, unless short answers are the task",
        )
    }

    def of(self, view: View) -> Iterable[str]:
        """Tell whether an answer, or a text, is short; an empty one is another check's."""
        if 0 < len(view.answer.split()) < MIN_WORDS:
            yield "short"


class AnswerInPrompt(RowCheck):
    """Label leakage: the answer stands in its own prompt."""

    name = "answer_in_prompt"
    kinds: ClassVar = {
        "whole": Kind(
            "warning", "the answer stands word for word in its own prompt", "take it out of there"
        ),
        "mostly": Kind(
            "warning",
            f"{LONG_SHARE:.0%} or more of a long answer stand in its own prompt",
            "take it out of there, unless copying is the task",
        ),
    }

    def of(self, view: View) -> Iterable[str]:
        """Tell how much of an answer is in its prompt, by words."""
        answer, prompt = view.answer_words, view.prompt_words
        if not LEAK_WORDS <= len(answer) <= len(prompt) / LONG_SHARE:
            return
        if f" {' '.join(answer)} " in f" {' '.join(prompt)} ":
            yield "whole"
        elif len(answer) >= LONG_WORDS:
            part, whole = shingles(answer, LONG_SHINGLE), shingles(prompt, LONG_SHINGLE)
            if containment(part, whole) >= LONG_SHARE:
                yield "mostly"


class Personal(RowCheck):
    """Hints of personal data."""

    name = "pii"
    kinds: ClassVar = {
        kind: Kind("warning", f"seem to hold {kind}", "check that they may be used")
        for kind in (pii.EMAIL, pii.PHONE, pii.NIR)
    }

    def of(self, view: View) -> Iterable[str]:
        """Give the kinds of personal data."""
        return pii.personal(view.everything)


class Encoding(RowCheck):
    """Encoding damage."""

    name = "encoding"
    kinds: ClassVar = {
        kind: Kind("warning", kind, hint)
        for kind, hint in {
            damage.MOJIBAKE: "clean them (rule encoding_damage) or read the source as UTF-8",
            damage.REPLACED: "read the source again in its own encoding",
            damage.CONTROL: "clean them (rule encoding_damage)",
        }.items()
    } | {
        damage.SURROGATE: Kind(
            "error", damage.SURROGATE, "no UTF-8 file can hold them; repair or drop them"
        )
    }

    def of(self, view: View) -> Iterable[str]:
        """Give the kinds of damage."""
        return damage.damages(view.everything)


def _blank(text: str) -> bool:
    return not text.strip()
