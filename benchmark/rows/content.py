"""What a row says, apart from its layout, and the fields that every layout is made of."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from benchmark.records import Message
from benchmark.rows.faults import RowError, kind_of

Fields = dict[str, Any]

ROLES = get_args(Message.model_fields["role"].annotation)
PLAIN = {role: role for role in ROLES}
"""The roles by their own names."""


class Content(NamedTuple):
    """What a row says, apart from how it is laid out."""

    messages: tuple[Message, ...] = ()
    text: str | None = None
    input: str | None = None
    references: tuple[str, ...] = ()
    rejected: str | None = None


# --- reading -------------------------------------------------------------------------------


def text_of(fields: Fields, name: str) -> str:
    """Return a field. Raises RowError if it is missing or no text."""
    if name not in fields:
        raise RowError(f"has no field {name!r}")
    if not isinstance(fields[name], str):
        raise RowError(f"`{name}` must be a text, not {kind_of(fields[name])}")
    found: str = fields[name]
    return found


def turns_of(value: Any, who: str, what: str, roles: dict[str, str]) -> list[Message]:
    """Return the turns of a conversation.

    Args:
        value: A list of objects.
        who: Their field for the role.
        what: Their field for the text.
        roles: Ours by the names that may stand there.

    Raises:
        RowError: It is no such list.
    """
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


def references_of(fields: Fields, needed: bool) -> list[str]:
    """Return `reference`, or the texts of `references`. Raises RowError on anything else.

    Args:
        fields: They have one of the two.
        needed: Whether an empty list is an error.
    """
    if "reference" in fields:
        return [text_of(fields, "reference")]
    given = fields["references"]
    if not given and not needed and isinstance(given, list | None):
        return []
    if not isinstance(given, list) or not given:
        raise RowError("`references` must be a list of at least one text")
    return [text_of({"references": answer}, "references") for answer in given]


# --- writing -------------------------------------------------------------------------------


def parted(content: Content) -> tuple[tuple[Message, ...], str | None]:
    """Part the answer from what comes before it; plain text is an answer to nothing."""
    if content.text is not None:
        return (), content.text
    messages = content.messages
    if messages and messages[-1].role == "assistant":
        return messages[:-1], messages[-1].content
    return messages, None


def plain_turns(*turns: Message) -> list[Fields]:
    """Write turns as objects of `role` and `content`."""
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def with_references(fields: Fields, content: Content) -> Fields:
    """Add further right answers, where there are any."""
    return fields | {"references": list(content.references)} if content.references else fields
