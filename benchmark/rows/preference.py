"""Preference rows: a question, a better answer and a worse one, in the forms that trl takes.

==============================================  ============================================
``{"prompt": ..., "chosen": ..., "rejected":    texts; or `prompt` a list of turns, and each
...}``                                          answer a list of one turn
``{"chosen": [...], "rejected": [...]}``        whole conversations that differ in their last
                                                turn; a `prompt` beside them repeats what they
                                                begin with, or a user's turn of it
==============================================  ============================================
"""

from __future__ import annotations

from benchmark.records import Message
from benchmark.rows.content import (
    PLAIN,
    Content,
    Fields,
    parted,
    plain_turns,
    references_of,
    text_of,
    turns_of,
    with_references,
)
from benchmark.rows.faults import RowError

Turns = tuple[Message, ...]


def read_preference(fields: Fields) -> Content:
    """Read a preference row; one without `rejected` can still be learned by its chosen answer.

    Raises:
        RowError: A field is missing or of the wrong type, or the two conversations part early.
    """
    begin, answer = _answer(fields, "chosen")
    rejected = None
    if fields.get("rejected") is not None:
        other, rejected = _answer(fields, "rejected")
        if other != begin:
            raise RowError("`chosen` and `rejected` may differ in their last turn only")
    turns = (*_asked(fields, begin), Message(role="assistant", content=answer))
    further = references_of(fields, needed=False) if "references" in fields else []
    return Content(turns, references=tuple(further), rejected=rejected)


def _answer(fields: Fields, name: str) -> tuple[Turns, str]:
    """Return the turns before an answer, and the answer."""
    if not isinstance(fields.get(name), list):
        return (), text_of(fields, name)
    turns = turns_of(fields[name], "role", "content", PLAIN)
    if not turns or turns[-1].role != "assistant":
        raise RowError(f"the last turn of `{name}` must be the assistant's")
    return tuple(turns[:-1]), turns[-1].content


def _asked(fields: Fields, begin: Turns) -> Turns:
    """Return the turns before both answers."""
    prompt = fields.get("prompt")
    if begin and prompt is None:
        return begin
    if isinstance(prompt, list):
        asked = tuple(turns_of(prompt, "role", "content", PLAIN))
    else:
        asked = (Message(role="user", content=text_of(fields, "prompt")),)
        if asked[0] in begin:  # as in UltraFeedback: the first question of the conversation
            return begin
    if begin not in ((), asked):
        raise RowError("`prompt` is not what `chosen` begins with; keep one of the two")
    return asked


def write_preference(content: Content, form: str = "") -> Fields:
    """Write a preference row; without an answer, `chosen` is empty, as the field tells the format.

    Args:
        content: What the row says.
        form: "turns": lists of turns even where texts would do. "whole": whole conversations.
    """
    asked, answer = parted(content)
    answers = {"chosen": answer or ""}
    answers |= {} if content.rejected is None else {"rejected": content.rejected}
    said = {name: Message(role="assistant", content=text) for name, text in answers.items()}
    if form == "whole":
        fields: Fields = {name: plain_turns(*asked, turn) for name, turn in said.items()}
    elif not form and [turn.role for turn in asked] == ["user"]:
        fields = {"prompt": asked[0].content, **answers}
    elif content.text is not None:
        fields = {"prompt": "", **answers}
    else:
        fields = {"prompt": plain_turns(*asked)}
        fields |= {name: plain_turns(turn) for name, turn in said.items()}
    return with_references(fields, content)
