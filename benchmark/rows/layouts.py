"""The fields of each format: read into turns and answers, and written from them.

======================================================  ====================================
``{"messages": [{"role": ..., "content": ...}, ...]}``  chat; also ShareGPT's
                                                        ``{"conversations": [{"from": ...,
                                                        "value": ...}]}``; `system` beside it
``{"prompt": ..., "completion": ...}``                  `prompt` is a text or a list of turns
``{"prompt": ..., "reference": ...}``                   or ``"references": [...]``
``{"instruction": ..., "input": ..., "output": ...}``   Alpaca; also `system`, and `history`
                                                        as pairs of question and answer
``{"text": ...}``                                       for continued pre-training
======================================================  ====================================

`references` beside an answer are further right answers; where there is no other answer, the
first of them is it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, get_args

from benchmark.records import Message
from benchmark.rows.faults import RowError, kind_of
from benchmark.rows.row import Format, Row

Fields = dict[str, Any]

ANSWERS = {"reference", "references"}
FIELDS: dict[Format, frozenset[str]] = {
    "chat": frozenset({"messages", "conversations", "system", *ANSWERS}),
    "completion": frozenset({"prompt", "completion", *ANSWERS}),
    "alpaca": frozenset({"instruction", "input", "output", "system", "history", *ANSWERS}),
    "text": frozenset({"text"}),
}
"""What a format itself says; every other field is the user's own."""
ROLES = get_args(Message.model_fields["role"].annotation)
SPEAKERS = {
    **{role: role for role in ROLES},
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
}
"""ShareGPT's names of the roles."""
BETWEEN = "\n\n"


class Content(NamedTuple):
    """What a row says, apart from how it is laid out."""

    messages: tuple[Message, ...] = ()
    text: str | None = None
    input: str | None = None
    references: tuple[str, ...] = ()


def content_of(row: Row) -> Content:
    """Return a row's content; an `input` that its question no longer ends with is left out."""
    fits = row.input is not None and row.question.endswith(row.input)
    return Content(row.messages, row.text, row.input if fits else None, row.references)


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
        turns = _turns(fields["messages"], "role", "content", {role: role for role in ROLES})
    else:
        turns = _turns(fields["conversations"], "from", "value", SPEAKERS)
    if fields.get("system"):
        if any(turn.role == "system" for turn in turns):
            raise RowError("has `system` and a system turn; keep one")
        turns.insert(0, Message(role="system", content=_text(fields, "system")))
    return _answered(turns, None, fields)


def _read_completion(fields: Fields) -> Content:
    prompt = fields.get("prompt")
    plain = {role: role for role in ROLES}
    if isinstance(prompt, list):
        turns = _turns(prompt, "role", "content", plain)
    else:
        turns = [Message(role="user", content=_text(fields, "prompt"))]
    if isinstance(fields.get("completion"), list):
        answer = _turns(fields["completion"], "role", "content", plain)
        if [turn.role for turn in answer] != ["assistant"]:
            raise RowError("`completion` must be a text, or one turn of the assistant")
        return _answered(turns, answer[0].content, fields)
    given = _text(fields, "completion") if "completion" in fields else None
    return _answered(turns, given, fields)


def _read_alpaca(fields: Fields) -> Content:
    turns: list[Message] = []
    if fields.get("system"):
        turns.append(Message(role="system", content=_text(fields, "system")))
    for number, pair in enumerate(_list(fields, "history"), 1):
        if not isinstance(pair, list) or [type(item) for item in pair] != [str, str]:
            raise RowError(f"`history` item {number} must be a list of a question and an answer")
        turns.append(Message(role="user", content=pair[0]))
        turns.append(Message(role="assistant", content=pair[1]))
    instruction = _text(fields, "instruction")
    extra = _text(fields, "input") if fields.get("input") is not None else None
    question = BETWEEN.join(part for part in (instruction, extra) if part)
    turns.append(Message(role="user", content=question))
    given = _text(fields, "output") if "output" in fields else None
    return _answered(turns, given, fields)._replace(input=extra)


def _read_text(fields: Fields) -> Content:
    return Content(text=_text(fields, "text"))


_READERS: dict[Format, Callable[[Fields], Content]] = {
    "chat": _read_chat,
    "completion": _read_completion,
    "alpaca": _read_alpaca,
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
    others = _references(fields, given is None) if named else []
    if given is None and others:
        given = others.pop(0)
    if given is not None:
        turns.append(Message(role="assistant", content=given))
    return Content(tuple(turns), references=tuple(others))


def _references(fields: Fields, needed: bool) -> list[str]:
    if "reference" in fields:
        return [_text(fields, "reference")]
    given = fields["references"]
    if not given and not needed and isinstance(given, list | None):
        return []
    if not isinstance(given, list) or not given:
        raise RowError("`references` must be a list of at least one text")
    return [_text({"references": answer}, "references") for answer in given]


def _turns(value: Any, who: str, what: str, roles: dict[str, str]) -> list[Message]:
    if not isinstance(value, list):
        raise RowError(f"turns must be a list, not {kind_of(value)}")
    turns = []
    for number, turn in enumerate(value, 1):
        named = isinstance(turn, dict) and {
            name for name, item in turn.items() if item is not None or name in (who, what)
        }
        if named != {who, what}:
            raise RowError(f"turn {number} must have `{who}` and `{what}`, and nothing else")
        role = roles.get(turn[who]) if isinstance(turn[who], str) else None
        if role is None or not isinstance(turn[what], str):
            raise RowError(f"turn {number} needs a role of {', '.join(roles)} and a text")
        turns.append(Message.model_validate({"role": role, "content": turn[what]}))
    return turns


def _text(fields: Fields, name: str) -> str:
    if name not in fields:
        raise RowError(f"has no field {name!r}")
    if not isinstance(fields[name], str):
        raise RowError(f"`{name}` must be a text, not {kind_of(fields[name])}")
    found: str = fields[name]
    return found


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
        fields[key] = [{"role": turn.role, "content": turn.content} for turn in turns]
    else:
        names = {"user": "human", "assistant": "gpt"}
        fields[key] = [
            {"from": names.get(turn.role, turn.role), "value": turn.content} for turn in turns
        ]
    return _with_references(fields, content)


def _write_completion(content: Content, turns: bool = False, answer: str = "completion") -> Fields:
    messages, given = _parted(content)
    if not turns and [turn.role for turn in messages] == ["user"]:
        fields: Fields = {"prompt": messages[0].content}
    elif content.text is not None:
        fields = {"prompt": ""}
    else:
        fields = {"prompt": [{"role": turn.role, "content": turn.content} for turn in messages]}
    if answer == "completion" or given is None:
        return _with_references(fields | _given("completion", given), content)
    if answer == "reference":
        return fields | {"reference": given}
    return fields | {"references": [given, *content.references]}


def _write_alpaca(content: Content) -> Fields:
    messages, given = _parted(content)
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
    return _with_references(fields, content)


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
    "text": {"text": _write_text},
}
"""Format -> its layouts by name; the first is written unless the row came in another one."""


def _parted(content: Content) -> tuple[tuple[Message, ...], str | None]:
    """Part the answer from what comes before it."""
    if content.text is not None:
        return (), content.text
    messages = content.messages
    if messages and messages[-1].role == "assistant":
        return messages[:-1], messages[-1].content
    return messages, None


def _given(name: str, answer: str | None) -> Fields:
    return {} if answer is None else {name: answer}


def _with_references(fields: Fields, content: Content) -> Fields:
    return fields | {"references": list(content.references)} if content.references else fields
