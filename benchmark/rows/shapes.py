"""Records of any format as `Row`s, and `Row`s as records of any format, without loss.

What a format's own fields cannot say is written beside them under `_bench`, so that the way
back is exact: from Alpaca over chat to Alpaca, every field is what it was. Under `_bench`:

==============================  ===========================================================
``text: true``                  the row is plain text, and stands where the answer stands
``messages, input, references`` what the other fields cannot say of a conversation
``rejected``                    a worse answer, which only preference rows can say
``extra``                       fields of the user's own whose names mean something here
``as``                          how the row was laid out in the format it came from
==============================  ===========================================================

In a `Row`, `extra["_bench"]` holds the layout (`as`), and ids and the like that were no texts
(`raw`). It is used only where it still fits, so a row may be changed without minding it.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import ValidationError

from benchmark.records import Message, Split
from benchmark.registry import did_you_mean
from benchmark.rows.content import Content, Fields
from benchmark.rows.faults import RowError, kind_of, shown
from benchmark.rows.layouts import FIELDS, WRITERS, content_of, read
from benchmark.rows.row import Format, Place, Row

KEPT = "_bench"
"""The field that holds what a format cannot say."""
NAMES = ("id", "group", "split")
"""Fields that mean the same in every format."""
SIGNS: dict[str, Format] = {
    "messages": "chat",
    "conversations": "chat",
    "prompt": "completion",
    "instruction": "alpaca",
    "chosen": "preference",
}
"""The field that tells a format. `text` does so only where there is none of these, and `prompt`
where there is no `chosen`, whose question it is."""
SIDES = get_args(Split)
_CONTENT = ("text", "messages", "input", "references", "rejected")


def recognise(record: Fields) -> Format:
    """Return the format of a record.

    Raises:
        RowError: None fits, or several do.
    """
    found = [name for name in SIGNS if record.get(name) is not None]
    if "chosen" in found and "prompt" in found:
        found.remove("prompt")
    if len(found) > 1:
        raise RowError(f"has both {' and '.join(found)}; keep one, or name the format")
    if found:
        return SIGNS[found[0]]
    if record.get("text") is not None:
        return "text"
    known = [*SIGNS, "text"]
    hints = ((name, did_you_mean(name, known)) for name in list(record)[:50])
    near = next((f"{name!r}: {hint}" for name, hint in hints if hint), "")
    names = ", ".join(shown(name) for name in list(record)[:8])
    has = f" (its fields: {names})" if names else ""
    raise RowError(f"has no question{has}; {near or 'give one of: ' + ', '.join(known)}")


def to_row(record: Fields, format: Format, place: Place | None = None) -> Row:
    """Read one record.

    Args:
        record: JSON values by field name.
        format: What `recognise` says, or what the user says.
        place: Where the record stands.

    Raises:
        RowError: A field is missing or of the wrong type.
    """
    own = {name: value for name, value in record.items() if name in FIELDS[format]}
    kept = _kept(record)
    content = _restored(read(own, format), own, kept, format)
    extra = {
        name: value
        for name, value in record.items()
        if name not in own and name not in NAMES and name != KEPT
    }
    extra |= kept.get("extra", {})
    notes = _notes(record, own, content, format, kept)
    if notes:
        extra[KEPT] = notes
    names = {"id": _name(record, "id"), "group": _name(record, "group")}
    names["split"] = _side(record.get("split"))
    try:
        return Row(**content._asdict(), **names, extra=extra, format=format, place=place)
    except ValidationError as error:
        raise RowError(f"`{KEPT}` is broken; take it out") from error


def from_row(row: Row, format: Format) -> Fields:
    """Write one row as a record; `to_row` gives an equal row back, but for format and place."""
    content = content_of(row)
    notes = row.extra.get(KEPT, {})
    notes = notes if isinstance(notes, dict) else {}
    layouts = dict(notes.get("as", {}))
    own, kept = _written(content, format, layouts.pop(format, {}))
    record: Fields = dict(own)
    raw = notes.get("raw", {})
    for name in NAMES:
        value = getattr(row, name)
        if name in raw and (None if raw[name] is None else str(raw[name])) == value:
            record[name] = raw[name]
        elif value is not None:
            record[name] = value
    aside = {}
    for name, value in row.extra.items():
        if name in FIELDS[format] or name in NAMES or (name in SIGNS and value is not None):
            aside[name] = value
        elif name != KEPT:
            record[name] = value
    kept |= {"extra": aside} if aside else {}
    kept |= {"as": layouts} if layouts else {}
    return record | ({KEPT: kept} if kept else {})


def _written(content: Content, format: Format, layout: Any) -> tuple[Fields, Fields]:
    """Return the fields of a format, and what of the content they cannot say."""
    plain = next(iter(WRITERS[format].values()))(content)
    back = read(plain, format)
    if back == content:
        return _laid_out(content, format, plain, layout), {}
    kept: Fields = {}
    if content.text is not None and not content.messages and back.messages:
        kept["text"] = True
        back = back._replace(text=content.text, messages=())
    if (content.messages, content.text) != (back.messages, back.text):
        kept["messages"] = [turn.model_dump() for turn in content.messages]
        kept |= {"text": content.text} if content.text is not None else {}
    if content.input != back.input:
        kept["input"] = content.input
    if content.references != back.references:
        kept["references"] = list(content.references)
    if content.rejected != back.rejected:
        kept["rejected"] = content.rejected
    return plain, kept


def _laid_out(content: Content, format: Format, plain: Fields, layout: Any) -> Fields:
    """Return the fields in the layout that the row came in, if it still says the same."""
    try:
        if "layout" in layout:
            fields = WRITERS[format][layout["layout"]](content)
        else:
            unset = set(layout.get("unset", ()))
            fields = {name: value for name, value in plain.items() if name not in unset}
            fields |= layout.get("set", {})
        return fields if read(fields, format) == content else plain
    except (RowError, KeyError, TypeError, AttributeError):
        return plain  # not what `_layout` made: somebody edited it


def _restored(content: Content, own: Fields, kept: Fields, format: Format) -> Content:
    """Put what `_bench` holds into what the format's own fields say."""
    if not any(name in kept for name in _CONTENT):
        return content
    whole = content
    try:
        if kept.get("text") is True:
            text = content.messages[-1].content if content.messages else ""
            whole = content._replace(text=text, messages=())
        elif "messages" in kept:
            turns = tuple(Message.model_validate(turn) for turn in kept["messages"])
            whole = whole._replace(text=kept.get("text"), messages=turns)
        if "references" in kept:
            whole = whole._replace(references=tuple(kept["references"]))
        if "rejected" in kept:
            whole = whole._replace(rejected=kept["rejected"])
    except (ValidationError, TypeError) as error:
        raise RowError(f"`{KEPT}` is broken; take it out") from error
    if "input" in kept:
        asked = next((turn.content for turn in reversed(whole.messages) if turn.role == "user"), "")
        whole = whole._replace(input=kept["input"] if asked.endswith(kept["input"]) else None)
    if (whole.messages, whole.text) != (content.messages, content.text):
        if own != next(iter(WRITERS[format].values()))(whole):
            raise RowError(f"was changed since bench wrote it; take `{KEPT}` out to use it so")
    return whole


def _kept(record: Fields) -> Fields:
    kept = record.get(KEPT)
    if kept is None:
        return {}
    known = {*_CONTENT, "extra", "as"}
    if not isinstance(kept, dict) or not set(kept) <= known:
        raise RowError(f"the field `{KEPT}` is bench's own, and bench did not write this one")
    types = {"extra": dict, "as": dict, "text": str | bool, "input": str, "references": list}
    types["rejected"] = str
    if not all(isinstance(value, types.get(name, object)) for name, value in kept.items()):
        raise RowError(f"`{KEPT}` is broken; take it out")
    return kept


def _notes(record: Fields, own: Fields, content: Content, format: Format, kept: Fields) -> Fields:
    """Return what `from_row` needs to write the very fields again."""
    layouts = {name: note for name, note in kept.get("as", {}).items() if name != format}
    layout = _layout(own, content, format)
    if layout:
        layouts[format] = layout
    given = [name for name in NAMES if name in record]
    raw = {name: record[name] for name in given if not isinstance(record[name], str)}
    return ({"as": layouts} if layouts else {}) | ({"raw": raw} if raw else {})


def _layout(own: Fields, content: Content, format: Format) -> Fields:
    for number, (name, write) in enumerate(WRITERS[format].items()):
        plain = write(content)
        if own == plain:
            return {"layout": name} if number else {}
    plain = next(iter(WRITERS[format].values()))(content)
    changed = {
        name: value for name, value in own.items() if name not in plain or plain[name] != value
    }
    return {"set": changed, "unset": [name for name in plain if name not in own]}


def _name(record: Fields, field: str) -> str | None:
    value = record.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise RowError(f"`{field}` must be a text or a whole number, not {_shown(value)}")
    return str(value)


def _side(value: Any) -> Any:
    if value is not None and value not in SIDES:
        raise RowError(f"`split` must be one of {', '.join(SIDES)}, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    return repr(value[:60]) if isinstance(value, str) else kind_of(value)
