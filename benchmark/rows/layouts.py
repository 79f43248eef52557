"""The fields of each format: read into turns and answers, and written from them.

======================================================  ====================================
``{"messages": [{"role": ..., "content": ...}, ...]}``  chat; also ShareGPT's
                                                        ``{"conversations": [{"from": ...,
                                                        "value": ...}]}``; `system` beside it
``{"prompt": ..., "completion": ...}``                  `prompt` is a text or a list of turns
``{"prompt": ..., "reference": ...}``                   or ``"references": [...]``
``{"instruction": ..., "input": ..., "output": ...}``   Alpaca; also `system`, and `history`
                                                        as pairs of question and answer
``{"prompt": ..., "chosen": ..., "rejected": ...}``     for training by preference: see
                                                        `benchmark.rows.preference`
``{"text": ...}``                                       for continued pre-training
======================================================  ====================================

`references` beside an answer are further right answers; where there is no other answer, the
first of them is it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

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
from benchmark.rows.faults import RowError, kind_of
from benchmark.rows.preference import read_preference, write_preference
from benchmark.rows.row import Format, Row

ANSWERS = {"reference", "references"}
FIELDS: dict[Format, frozenset[str]] = {
    "chat": frozenset({"messages", "conversations", "system", *ANSWERS}),
    "completion": frozenset({"prompt", "completion", *ANSWERS}),
    "alpaca": frozenset({"instruction", "input", "output", "system", "history", *ANSWERS}),
    "preference": frozenset({"prompt", "chosen", "rejected", "references"}),
    "text": frozenset({"text"}),
}
"""What a format itself says; every other field is the user's own."""
SPEAKERS = {
    **PLAIN,
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
}
"""ShareGPT's names of the roles."""
BETWEEN = "\n\n"


def content_of(row: Row) -> Content:
    """Return a row's content; an `input` that its question no longer ends with is left out."""
    fits = row.input is not None and row.question.endswith(row.input)
    given = row.input if fits else None
    return Content(row.messages, row.text, given, row.references, row.rejected)


# --- reading -------------------------------------------------------------------------------


def read(fields: Fields, form: Format) -> Content:
    """Read the fields of one format.

    Raises:
        RowError: One is missing or of the wrong type.
    """
    return _READERS[form](fields)


def _read_chat(fields: Fields) -> Content:
    both = [name for name in ("messages", "conversations") if fields.get(name) is not None]
    if len(both) != 1:
        raise RowError(f"has both {' and '.join(both)}" if both else "has no field 'messages'")
    if both[0] == "messages":
        turns = turns_of(fields["messages"], "role", "content", PLAIN)
    else:
        turns = turns_of(fields["conversations"], "from", "value", SPEAKERS)
    if fields.get("system"):
        if any(turn.role == "system" for turn in turns):
            raise RowError("has `system` and a system turn; keep one")
        turns.insert(0, Message(role="system", content=text_of(fields, "system")))
    return _answered(turns, None, fields)


def _read_completion(fields: Fields) -> Content:
    prompt = fields.get("prompt")
    if isinstance(prompt, list):
        turns = turns_of(prompt, "role", "content", PLAIN)
    else:
        turns = [Message(role="user", content=text_of(fields, "prompt"))]
    if isinstance(fields.get("completion"), list):
        answer = turns_of(fields["completion"], "role", "content", PLAIN)
        if [turn.role for turn in answer] != ["assistant"]:
            raise RowError("`completion` must be a text, or one turn of the assistant")
        return _answered(turns, answer[0].content, fields)
    given = text_of(fields, "completion") if "completion" in fields else None
    return _answered(turns, given, fields)


def _read_alpaca(fields: Fields) -> Content:
    turns: list[Message] = []
    if fields.get("system"):
        turns.append(Message(role="system", content=text_of(fields, "system")))
    for number, pair in enumerate(_list(fields, "history"), 1):
        if not isinstance(pair, list) or [type(item) for item in pair] != [str, str]:
            raise RowError(f"`history` item {number} must be a list of a question and an answer")
        turns.append(Message(role="user", content=pair[0]))
        turns.append(Message(role="assistant", content=pair[1]))
    instruction = text_of(fields, "instruction")
    extra = text_of(fields, "input") if fields.get("input") is not None else None
    question = BETWEEN.join(part for part in (instruction, extra) if part)
    turns.append(Message(role="user", content=question))
    given = text_of(fields, "output") if "output" in fields else None
    return _answered(turns, given, fields)._replace(input=extra)


def _read_text(fields: Fields) -> Content:
    return Content(text=text_of(fields, "text"))


_READERS: dict[Format, Callable[[Fields], Content]] = {
    "chat": _read_chat,
    "completion": _read_completion,
    "alpaca": _read_alpaca,
    "preference": read_preference,
    "text": _read_text,
}


def _answered(turns: list[Message], given: str | None, fields: Fields) -> Content:
    named = [name for name in ("reference", "references") if name in fields]
    if given is not None and "reference" in named:
        answer = "output" if "output" in fields else "completion"
        raise RowError(f"has both {answer} and reference; put further answers in `references`")
    if len(named) > 1:
        raise RowError("has both reference and references; keep one")
    if given is None and turns and turns[-1].role == "assistant":
        given = turns.pop().content
    others = references_of(fields, given is None) if named else []
    if given is None and others:
        given = others.pop(0)
    if given is not None:
        turns.append(Message(role="assistant", content=given))
    return Content(tuple(turns), references=tuple(others))


def _list(fields: Fields, name: str) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list | None):
        raise RowError(f"`{name}` must be a list, not {kind_of(value)}")
    return value or []


# --- writing -------------------------------------------------------------------------------


def _write_chat(content: Content, key: str = "messages", system: bool = False) -> Fields:
    turns = content.messages
    if content.text is not None:
        turns = (Message(role="assistant", content=content.text),)
    fields: Fields = {}
    if system and turns and turns[0].role == "system":
        fields, turns = {"system": turns[0].content}, turns[1:]
    if key == "messages":
        fields[key] = plain_turns(*turns)
    else:
        names = {"user": "human", "assistant": "gpt"}
        fields[key] = [
            {"from": names.get(turn.role, turn.role), "value": turn.content} for turn in turns
        ]
    return with_references(fields, content)


def _write_completion(content: Content, turns: bool = False, answer: str = "completion") -> Fields:
    messages, given = parted(content)
    if not turns and [turn.role for turn in messages] == ["user"]:
        fields: Fields = {"prompt": messages[0].content}
    elif content.text is not None:
        fields = {"prompt": ""}
    else:
        fields = {"prompt": plain_turns(*messages)}
    if answer == "completion" or given is None:
        return with_references(fields | _given("completion", given), content)
    if answer == "reference":
        return fields | {"reference": given}
    return fields | {"references": [given, *content.references]}


def _write_alpaca(content: Content) -> Fields:
    messages, given = parted(content)
    turns = list(messages)
    fields: Fields = {}
    system = turns.pop(0).content if turns and turns[0].role == "system" else ""
    question = turns.pop().content if turns and turns[-1].role == "user" else ""
    fields["instruction"] = question
    if content.input:
        fields["instruction"] = question.removesuffix(content.input).removesuffix(BETWEEN)
    if content.input is not None:
        fields["input"] = content.input
    fields |= _given("output", given)
    if system:
        fields["system"] = system
    if turns and [turn.role for turn in turns] == ["user", "assistant"] * (len(turns) // 2):
        fields["history"] = [
            [asked.content, said.content]
            for asked, said in zip(turns[::2], turns[1::2], strict=True)
        ]
    return with_references(fields, content)


def _write_text(content: Content) -> Fields:
    if content.text is not None:
        return {"text": content.text}
    return {"text": BETWEEN.join(turn.content for turn in content.messages)}


WRITERS: dict[Format, dict[str, Callable[[Content], Fields]]] = {
    "chat": {
        "messages": _write_chat,
        "messages, system": partial(_write_chat, system=True),
        "conversations": partial(_write_chat, key="conversations"),
        "conversations, system": partial(_write_chat, key="conversations", system=True),
    },
    "completion": {
        "prompt, completion": _write_completion,
        "prompt, reference": partial(_write_completion, answer="reference"),
        "prompt, references": partial(_write_completion, answer="references"),
        "turns, completion": partial(_write_completion, turns=True),
        "turns, reference": partial(_write_completion, turns=True, answer="reference"),
        "turns, references": partial(_write_completion, turns=True, answer="references"),
    },
    "alpaca": {"instruction, output": _write_alpaca},
    "preference": {
        "prompt, chosen": write_preference,
        "turns, chosen": partial(write_preference, form="turns"),
        "chosen": partial(write_preference, form="whole"),
    },
    "text": {"text": _write_text},
}
"""Format -> its layouts by name; the first is written unless the row came in another one."""


def _given(name: str, answer: str | None) -> Fields:
    return {} if answer is None else {name: answer}
