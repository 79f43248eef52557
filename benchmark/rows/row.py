"""One row of training or test data, whatever format it came in.

Every format (Alpaca, prompt/completion, chat `messages`, preferences, plain text) is read into a
`Row` and written from one, so that a conversion is a reading and a writing, and nothing knows
all pairs.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from benchmark.records import Message, Record

Format = Literal["alpaca", "completion", "chat", "preference", "text"]
"""By their fields: instruction, input, output; prompt, completion; messages; prompt, chosen,
rejected; text."""

Severity = Literal["error", "warning", "info"]


class Place(Record):
    """Where a row stands, for messages."""

    file: str
    line: int
    """Of the row's beginning, from 1; in a format without lines (Parquet), the row's number."""

    def __str__(self) -> str:
        """Return "file:line"."""
        return f"{self.file}:{self.line}"


class Row(Record):
    """One conversation, or one text for continued pre-training."""

    messages: tuple[Message, ...] = ()
    """The whole conversation, answers included; empty for plain text."""
    text: str | None = None
    """Plain text; None for a conversation."""
    input: str | None = None
    """Alpaca's `input`, kept apart so that a round trip gives it back; it is also part of the
    user's message, behind the instruction and an empty line. None: the row had no such field."""
    id: str | None = None
    group: str | None = None
    split: Literal["train", "validation", "test"] | None = None
    references: tuple[str, ...] = ()
    """Further right answers than the last assistant message."""
    rejected: str | None = None
    """A worse answer than the last assistant message, for training by preference."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Every other field of the source, as it was; written back as it was."""
    format: Format
    """What the row was read from."""
    place: Place | None = None

    @property
    def question(self) -> str:
        """Return the last user turn; "" if there is none."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def answer(self) -> str:
        """Return the last assistant turn; the text itself for plain text; "" if there is none."""
        if self.text is not None:
            return self.text
        last = self.messages[-1] if self.messages else None
        return last.content if last is not None and last.role == "assistant" else ""


class Finding(Record):
    """What a check says of a row, or of the whole file (`rows` empty)."""

    check: str
    """The check's name, by which it is switched off."""
    severity: Severity
    rows: tuple[int, ...] = ()
    """Numbers of the rows it holds for, from 0; the first hundred where there are more."""
    count: int
    """How many rows it holds for."""
    message: str
    """One sentence: what is wrong, with an example, and what to do."""
