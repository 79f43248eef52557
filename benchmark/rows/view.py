"""What several checks look at in a row, worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from benchmark.records import Message
from benchmark.rows.row import Row
from benchmark.rows.similar import folded, key_of, shingles, words

UNIT = "\x1f"
"""Between the parts of a key: no text that is split the other way has the same one."""


def prompt_of(row: Row) -> tuple[Message, ...]:
    """Return the turns before the answer: all of them where there is no answer."""
    answered = bool(row.messages) and row.messages[-1].role == "assistant"
    return row.messages[:-1] if answered else row.messages


def key_of_prompt(row: Row) -> int:
    """Return the hash of all turns before the answer, with their roles."""
    parts = (f"{turn.role}{UNIT}{folded(turn.content)}" for turn in prompt_of(row))
    return key_of(UNIT.join(parts))


@dataclass
class View:
    """One row, seen by the checks.

    Attributes:
        number: Of the row, from 0.
        row: The row.
    """

    number: int
    row: Row

    @cached_property
    def prompt(self) -> str:
        """Return the turns before the answer, without a system message."""
        return "\n".join(turn.content for turn in prompt_of(self.row) if turn.role != "system")

    @cached_property
    def answer(self) -> str:
        """Return the answer, or the text of a row of plain text."""
        return self.row.answer

    @cached_property
    def everything(self) -> str:
        """Return all that is written in the row, system message too."""
        texts = [turn.content for turn in self.row.messages] or [self.row.text or ""]
        return "\n".join([*texts, self.row.rejected] if self.row.rejected else texts)

    @cached_property
    def folded_answer(self) -> str:
        """Return the answer as texts are compared."""
        return folded(self.answer)

    @cached_property
    def prompt_words(self) -> list[str]:
        """Return the prompt's words as texts are compared."""
        return words(folded(self.prompt))

    @cached_property
    def answer_words(self) -> list[str]:
        """Return the answer's words as texts are compared."""
        return words(self.folded_answer)

    @cached_property
    def prompt_shingles(self) -> list[str]:
        """Return the prompt's shingles."""
        return shingles(self.prompt_words)

    @cached_property
    def answer_shingles(self) -> list[str]:
        """Return the answer's shingles."""
        return shingles(self.answer_words)

    @cached_property
    def row_shingles(self) -> list[str]:
        """Return the shingles of prompt, answer and rejected answer."""
        worse = shingles(words(folded(self.row.rejected))) if self.row.rejected else []
        return self.prompt_shingles + self.answer_shingles + worse

    @cached_property
    def prompt_key(self) -> int:
        """Return the hash of the prompt, system message too."""
        return key_of_prompt(self.row)

    @cached_property
    def answer_key(self) -> int:
        """Return the hash of the answer."""
        return key_of(self.folded_answer)

    @cached_property
    def row_key(self) -> int:
        """Return the hash of the whole row: prompt, answer, and the rejected one if there is."""
        parts = [str(self.prompt_key), str(self.answer_key)]
        if self.row.rejected is not None:
            parts.append(str(key_of(folded(self.row.rejected))))
        return key_of(" ".join(parts))
