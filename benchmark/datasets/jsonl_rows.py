"""One line of JSON as an `Example`, or one clause that says what is wrong with it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, get_args

from benchmark.keys import canonical
from benchmark.records import Example, Message, Split
from benchmark.registry import did_you_mean

LAYOUTS = {
    "messages": {"messages", "reference", "references"},
    "prompt": {"prompt", "completion", "reference", "references"},
    "instruction": {"instruction", "input", "output"},
}
"""The field that tells a layout -> all its fields."""
OPTIONAL = {"id", "group", "split", "meta"}
ROLES = ("system", "user", "assistant")
SIDES = get_args(Split)

_SURROGATE = re.compile("[\ud800-\udfff]")


class BadRow(ValueError):
    """What is wrong with a row, in one clause."""


def to_example(line: bytes, side: Split | None) -> tuple[Example, bool]:
    """Read one row.

    Args:
        line: JSON in UTF-8.
        side: The side that the row's file stands for.

    Returns:
        The example, and whether the row named its id itself.

    Raises:
        BadRow: Not JSON, no known layout, or a field that is wrong.
    """
    row = _parse(line)
    prompt, references = _content(row)
    if not prompt or prompt[-1].role != "user":
        raise BadRow("the question must end with a turn of the user")
    asked = [turn.model_dump() for turn in prompt]
    name = _name(row, "id")
    example = Example(
        id=name or _hash({"prompt": asked, "references": references}),
        prompt=prompt,
        references=tuple(references),
        group=_name(row, "group") or _hash(asked),
        split=_side(row.get("split"), side),
        meta=_meta(row.get("meta")),
    )
    return example, bool(name)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadRow(f"not UTF-8 (byte {error.start + 1}); save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise BadRow(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        hint = "; write one object a line, without [ ] around them" if isinstance(row, list) else ""
        raise BadRow(f"not a JSON object but {_kind(row)}{hint}")
    if b"\\ud" in line.lower() and _SURROGATE.search(json.dumps(row, ensure_ascii=False)):
        raise BadRow("holds half a character (a lone surrogate); it cannot be written as text")
    return row


def _content(row: dict[str, Any]) -> tuple[tuple[Message, ...], list[str]]:
    found = [name for name in LAYOUTS if name in row]
    if len(found) != 1:
        what = f"has both {' and '.join(found)}" if found else "has no question"
        raise BadRow(f"{what}; give one of: messages, prompt, instruction")
    allowed = LAYOUTS[found[0]] | OPTIONAL
    for name in row:
        if name not in allowed:
            hint = did_you_mean(name, sorted(allowed)) or "put fields of your own under `meta`"
            raise BadRow(f"unknown field {name!r}; {hint}")
    if found[0] == "messages":
        return _chat(row)
    if found[0] == "instruction":
        question = _text(row, "instruction")
        if row.get("input"):
            question = f"{question}\n\n{_text(row, 'input')}"
        return _user(question), [_text(row, "output")]
    prompt = row["prompt"]
    turns = _turns(prompt) if isinstance(prompt, list) else _user(_text(row, "prompt"))
    return turns, _answers(row)


def _chat(row: dict[str, Any]) -> tuple[tuple[Message, ...], list[str]]:
    turns = _turns(row["messages"])
    given = "reference" in row or "references" in row
    if given:
        return turns, _answers(row)
    if not turns or turns[-1].role != "assistant":
        raise BadRow("has no answer; end `messages` with a turn of the assistant")
    if not turns[-1].content.strip():
        raise BadRow("the last turn, which is the answer, is empty")
    return turns[:-1], [turns[-1].content]


def _answers(row: dict[str, Any]) -> list[str]:
    given = [name for name in ("completion", "reference", "references") if name in row]
    if len(given) != 1:
        what = f"has both {' and '.join(given)}" if given else "has no answer"
        raise BadRow(f"{what}; give one of: completion, reference, references")
    if given[0] != "references":
        return [_text(row, given[0])]
    answers = row["references"]
    if not isinstance(answers, list) or not answers:
        raise BadRow("`references` must be a list of at least one text")
    return [_text({"references": answer}, "references") for answer in answers]


def _turns(value: Any) -> tuple[Message, ...]:
    if not isinstance(value, list):
        raise BadRow(f"turns must be a list, not {_kind(value)}")
    turns = []
    for number, turn in enumerate(value, 1):
        if not isinstance(turn, dict) or set(turn) != {"role", "content"}:
            raise BadRow(f"turn {number} must have `role` and `content`, and nothing else")
        if turn["role"] not in ROLES or not isinstance(turn["content"], str):
            raise BadRow(f"turn {number} needs a role of {', '.join(ROLES)} and a text")
        turns.append(Message(role=turn["role"], content=turn["content"]))
    return tuple(turns)


def _user(content: str) -> tuple[Message, ...]:
    return (Message(role="user", content=content),)


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise BadRow(f"`{name}` must be a text, not {_kind(value)}")
    if not value.strip():
        raise BadRow(f"`{name}` is empty")
    return value


def _name(row: dict[str, Any], field: str) -> str:
    value = row.get(field)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise BadRow(f"`{field}` must be a text or a whole number")
    return str(value)


def _side(value: Any, side: Split | None) -> Split | None:
    if value is None:
        return side
    if value not in SIDES:
        raise BadRow(f"`split` must be one of {', '.join(SIDES)}")
    if side is not None and value != side:
        raise BadRow(f"`split` is {value!r} in the file of the {side} side")
    found: Split = value
    return found


def _meta(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRow(f"`meta` must be an object, not {_kind(value)}")
    for name, item in value.items():
        if not isinstance(item, str | int | float | bool | None):
            raise BadRow(f"`meta.{name}` must be a text, a number or a truth value")
    return {
        name: item if isinstance(item, str) else json.dumps(item)
        for name, item in value.items()
        if item is not None
    }


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    names = {str: "a text", bool: "a truth value", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")
