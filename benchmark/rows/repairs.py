"""Rewrites every text of a row, and keeps what belongs together together."""

from __future__ import annotations

import re
from collections.abc import Callable

from benchmark.rows.row import Row

_LINE_END = re.compile(r"\r\n?")
_BEFORE_LINE_END = re.compile(r"(?<![ \t])[ \t]+\n")
_EMPTY_LINES = re.compile(r"\n{3,}")
JOINT = "\n\n"
"""Between Alpaca's instruction and its input, in the user's message."""


def rewritten(row: Row, fix: Callable[[str], str]) -> Row:
    """Return a row with `fix` applied to each of its texts; the same object if none changes."""
    update: dict[str, object] = {}
    messages = list(row.messages)
    for at, turn in enumerate(messages):
        content = _fixed(turn.content, row.input if turn.role == "user" else None, fix)
        if content != turn.content:
            messages[at] = turn.model_copy(update={"content": content})
    if tuple(messages) != row.messages:
        update["messages"] = tuple(messages)
    for name in ("text", "input", "rejected"):
        text = getattr(row, name)
        if text is not None and fix(text) != text:
            update[name] = fix(text)
    references = tuple(fix(text) for text in row.references)
    if references != row.references:
        update["references"] = references
    return row.model_copy(update=update) if update else row


def tidied(text: str) -> str:
    """Return a text without needless white space; indentation and tabs inside lines stay."""
    text = _LINE_END.sub("\n", text)
    text = _BEFORE_LINE_END.sub("\n", text)
    return _EMPTY_LINES.sub("\n\n", text).strip()


def _fixed(content: str, given: str | None, fix: Callable[[str], str]) -> str:
    """Fix a message; where it ends with Alpaca's input, both parts are fixed by themselves."""
    if not given or not content.endswith(JOINT + given):
        return fix(content)
    instruction, rest = fix(content.removesuffix(JOINT + given)), fix(given)
    return instruction + JOINT + rest if rest else instruction
