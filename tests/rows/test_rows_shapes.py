from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.records import Message
from benchmark.rows.faults import RowError
from benchmark.rows.row import Format, Place, Row
from benchmark.rows.shapes import from_row, recognise, to_row

FORMATS: tuple[Format, ...] = get_args(Format)

# --- what people write ------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "\n\n", "é à « œ »", "a\n\nb", "L. 4121-1", '"', "true", "7", "[", "\u2028"]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
roles = st.sampled_from(["system", "user", "assistant"])
turns = st.lists(st.fixed_dictionaries({"role": roles, "content": texts}), max_size=5)
speakers = st.sampled_from(["system", "human", "gpt", "user", "assistant", "chatgpt"])
spoken = st.lists(st.fixed_dictionaries({"from": speakers, "value": texts}), max_size=5)
own_names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(
    lambda name: (
        name not in {"messages", "conversations", "prompt", "instruction", "chosen", "_bench"}
    )
)
"""Names of fields of one's own; some of them mean something in another format."""
own = st.dictionaries(
    st.sampled_from(["source", "note", "meta", "ünï"]) | own_names, values, max_size=3
)
meaning = st.fixed_dictionaries(
    {},
    optional={
        "id": texts.filter(bool) | st.integers() | st.none(),
        "group": texts.filter(bool) | st.integers(),
        "split": st.sampled_from(["train", "validation", "test", None]),
    },
)
further = st.fixed_dictionaries({}, optional={"references": st.lists(texts, min_size=1)})
foreign = st.dictionaries(
    st.sampled_from(["input", "output", "completion", "text", "history", "messages", "prompt"]),
    values,
    max_size=2,
)


def records(own_fields: set[str], *parts: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Join parts; the first ones win. Fields of the user's own never are the format's."""

    def joined(drawn: tuple[dict[str, Any], ...]) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for part in drawn[:-1]:
            record = part | record
        strange = {
            name: value
            for name, value in drawn[-1].items()
            if name not in own_fields | {"id", "group", "split"}
        }
        return strange | record

    return st.tuples(*parts, meaning, own).map(joined)


answers = {"reference", "references"}
alpaca = records(
    {"instruction", "input", "output", "system", "history", *answers},
    st.fixed_dictionaries(
        {"instruction": texts, "output": texts},
        optional={
            "input": texts | st.none(),
            "system": texts | st.none(),
            "history": st.none() | st.lists(st.lists(texts, min_size=2, max_size=2), max_size=2),
        },
    ),
    further,
)
completion = records(
    {"prompt", "completion", *answers},
    st.one_of(
        st.fixed_dictionaries({"prompt": texts | turns, "completion": texts}),
        st.fixed_dictionaries({"prompt": texts}),
        st.fixed_dictionaries({"prompt": texts | turns, "reference": texts}),
        st.fixed_dictionaries(
            {
                "prompt": turns,
                "completion": texts.map(lambda text: [{"role": "assistant", "content": text}]),
            }
        ),
        st.fixed_dictionaries(
            {"prompt": texts | turns, "references": st.lists(texts, min_size=1, max_size=3)}
        ),
    ),
)
chat = records(
    {"messages", "conversations", "system", *answers},
    st.one_of(
        st.fixed_dictionaries({"messages": turns}, optional={"system": st.just("")}),
        st.fixed_dictionaries({"conversations": spoken}),
        st.fixed_dictionaries(
            {
                "conversations": spoken.map(
                    lambda said: [turn for turn in said if turn["from"] != "system"]
                ),
                "system": texts,
            }
        ),
        st.fixed_dictionaries({"messages": turns, "reference": texts}),
    ),
    further.filter(lambda part: not part),
)
no_rejected = st.fixed_dictionaries({}, optional={"rejected": st.none()})


def pairs(begin: list[dict[str, str]], answers: list[str], repeated: Any) -> dict[str, Any]:
    """Make two conversations that share their beginning; `repeated` is the `prompt` beside them."""
    better, worse = ([*begin, {"role": "assistant", "content": text}] for text in answers)
    asked: dict[str, Any] = {"chosen": better, "rejected": worse}
    users = [turn["content"] for turn in begin if turn["role"] == "user"]
    if repeated == "turns":
        asked["prompt"] = begin
    elif repeated == "question" and users:
        asked["prompt"] = users[0]
    elif repeated == "null":
        asked["prompt"] = None
    return asked


both = st.lists(texts, min_size=2, max_size=2)
one_turn = texts.map(lambda text: [{"role": "assistant", "content": text}])
preference = records(
    {"prompt", "chosen", "rejected", "references"},
    st.one_of(
        st.fixed_dictionaries({"prompt": texts | turns, "chosen": texts, "rejected": texts}),
        st.fixed_dictionaries(
            {"prompt": texts | turns, "chosen": texts | one_turn, "rejected": texts | one_turn}
        ),
        st.fixed_dictionaries({"prompt": texts | turns, "chosen": texts}),
        st.builds(
            pairs,
            turns.filter(bool),
            both,
            st.sampled_from(["no", "turns", "question", "null"]),
        ),
    ),
    no_rejected,
    st.fixed_dictionaries({}, optional={"references": st.lists(texts)}),
)
text = records({"text"}, st.fixed_dictionaries({"text": texts}))
KINDS: dict[Format, st.SearchStrategy[dict[str, Any]]] = {
    "alpaca": alpaca,
    "completion": completion,
    "chat": chat,
    "preference": preference,
    "text": text,
}
anything = st.one_of(*(st.tuples(st.just(form), made) for form, made in KINDS.items()))


def through_json(record: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(record, allow_nan=False))
    return found


# --- the promise ------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(anything, st.sampled_from(FORMATS))
def test_there_and_back_gives_every_field(case: tuple[Format, dict[str, Any]], to: Format) -> None:
    form, record = case
    assert recognise(record) == form
    there = through_json(from_row(to_row(record, form), to))
    assert recognise(there) == to
    assert from_row(to_row(there, to), form) == record


@settings(max_examples=200, deadline=None)
@given(anything, st.lists(st.sampled_from(FORMATS), min_size=2, max_size=4))
def test_a_long_way_round_loses_nothing(
    case: tuple[Format, dict[str, Any]], way: list[Format]
) -> None:
    form, record = case
    there, here = record, form
    for to in way:
        there, here = through_json(from_row(to_row(there, here), to)), to
    assert from_row(to_row(there, here), form) == record


messages = st.lists(st.builds(Message, role=roles, content=texts), max_size=5).map(tuple)
rows = st.builds(
    Row,
    messages=messages,
    text=st.none() | texts,
    input=st.none() | texts,
    id=st.none() | texts.filter(bool),
    group=st.none() | texts.filter(bool),
    split=st.sampled_from([None, "train", "validation", "test"]),
    references=st.lists(texts, max_size=2).map(tuple),
    rejected=st.none() | texts,
    extra=own | foreign,
    format=st.sampled_from(FORMATS),
)


@settings(max_examples=400, deadline=None)
@given(rows, st.sampled_from(FORMATS))
def test_any_row_can_be_written_and_read_back(row: Row, to: Format) -> None:
    # Not only rows that a file can give: cleaning and augmenting make others.
    back = to_row(through_json(from_row(row, to)), to)
    names = ("messages", "text", "id", "group", "split", "references", "rejected")
    assert [getattr(back, name) for name in names] == [getattr(row, name) for name in names]
    assert {name: v for name, v in back.extra.items() if name != "_bench"} == row.extra
    if row.input is None or row.question.endswith(row.input):
        assert back.input == row.input


# --- what it looks like -----------------------------------------------------------------------

SINGLE = {"instruction": "Résume.", "input": "Un texte.", "output": "Un."}


def convert(record: dict[str, Any], to: Format) -> dict[str, Any]:
    return from_row(to_row(record, recognise(record)), to)


def said(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in pairs]


def test_what_a_format_can_say_needs_no_bench_field() -> None:
    chat = {"messages": said(("system", "s"), ("user", "q"), ("assistant", "a")), "id": 7, "k": []}
    assert convert(chat, "alpaca") == {
        "instruction": "q",
        "output": "a",
        "system": "s",
        "id": 7,
        "k": [],
    }
    assert convert(chat, "completion") == {
        "prompt": said(("system", "s"), ("user", "q")),
        "completion": "a",
        "id": 7,
        "k": [],
    }
    assert convert({"prompt": "q", "completion": "a"}, "chat") == {
        "messages": said(("user", "q"), ("assistant", "a"))
    }


def test_alpaca_input_empty_and_absent() -> None:
    row = to_row(SINGLE, "alpaca")
    assert (row.question, row.input) == ("Résume.\n\nUn texte.", "Un texte.")
    assert to_row({**SINGLE, "input": ""}, "alpaca").input == ""
    assert to_row({"instruction": "q", "output": "a"}, "alpaca").input is None
    assert convert(SINGLE, "chat") == {
        "messages": said(("user", "Résume.\n\nUn texte."), ("assistant", "Un.")),
        "_bench": {"input": "Un texte."},
    }


def test_turns_become_alpaca_history() -> None:
    asked = said(("user", "1"), ("assistant", "2"), ("user", "3"), ("assistant", "4"))
    assert convert({"messages": asked}, "alpaca") == {
        "instruction": "3",
        "output": "4",
        "history": [["1", "2"]],
    }
    # Two questions in a row fit no pairs: what Alpaca shows is the last exchange.
    odd = said(("user", "1"), ("user", "2"), ("assistant", "3"))
    assert convert({"messages": odd}, "alpaca") == {
        "instruction": "2",
        "output": "3",
        "_bench": {"messages": odd},
    }


def test_sharegpt_is_chat() -> None:
    record = {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}
    row = to_row(record, recognise(record))
    assert [(turn.role, turn.content) for turn in row.messages] == [
        ("user", "q"),
        ("assistant", "a"),
    ]
    assert from_row(row, "chat") == record


def test_text_as_an_answer_to_nothing_and_a_conversation_as_text() -> None:
    assert convert({"text": "Bonjour."}, "completion") == {
        "prompt": "",
        "completion": "Bonjour.",
        "_bench": {"text": True},
    }
    assert convert({"prompt": "q", "completion": "a"}, "text")["text"] == "q\n\na"


def test_preferences_in_every_form_that_trl_takes() -> None:
    row = to_row({"prompt": "q", "chosen": "a", "rejected": "b"}, "preference")
    assert (row.question, row.answer, row.rejected) == ("q", "a", "b")
    begin = said(("system", "s"), ("user", "q"))
    better, worse = said(("assistant", "a")), said(("assistant", "b"))
    rows = [
        to_row(record, recognise(record))
        for record in (
            {"prompt": begin, "chosen": better, "rejected": worse},
            {"prompt": begin, "chosen": "a", "rejected": "b"},
            {"chosen": begin + better, "rejected": begin + worse},
            {"prompt": "q", "chosen": begin + better, "rejected": begin + worse},
        )
    ]
    assert {(len(row.messages), row.question, row.answer, row.rejected) for row in rows} == {
        (3, "q", "a", "b")
    }


def test_a_rejected_answer_stays_beside_formats_that_cannot_say_it() -> None:
    record = {"prompt": "q", "chosen": "a", "rejected": "b"}
    chat = convert(record, "chat")
    assert chat == {
        "messages": said(("user", "q"), ("assistant", "a")),
        "_bench": {"rejected": "b"},
    }
    chat["messages"][1]["content"] = "c"
    assert convert(chat, "preference") == {"prompt": "q", "chosen": "c", "rejected": "b"}
    assert convert({"messages": said(("user", "q"))}, "preference") == {
        "prompt": "q",
        "chosen": "",
        "_bench": {"messages": said(("user", "q"))},
    }


def test_references_beside_an_answer_and_instead_of_one() -> None:
    row = to_row({"prompt": "q", "references": ["a", "b"]}, "completion")
    assert (row.answer, row.references) == ("a", ("b",))
    assert from_row(row, "chat")["references"] == ["b"]
    row = to_row({"messages": said(("user", "q")), "reference": "a"}, "chat")
    assert (row.answer, row.references) == ("a", ())


def test_a_row_that_was_changed_is_written_as_it_is_now() -> None:
    row = to_row({**SINGLE, "history": None}, "alpaca")
    turns = (*row.messages[:-1], Message(role="assistant", content="Autre."))
    changed = row.model_copy(update={"messages": turns})
    assert from_row(changed, "alpaca") == {**SINGLE, "output": "Autre.", "history": None}
    asked = row.model_copy(update={"messages": (Message(role="user", content="?"), turns[-1])})
    assert from_row(asked, "alpaca") == {"instruction": "?", "output": "Autre.", "history": None}


def test_a_converted_file_that_was_edited() -> None:
    chat = convert(SINGLE, "chat")
    chat["messages"][1]["content"] = "Deux."
    assert convert(chat, "alpaca") == {**SINGLE, "output": "Deux."}
    text = convert({"prompt": "q", "completion": "a"}, "text")
    text["text"] = "q\n\nb"
    with pytest.raises(RowError, match="was changed since bench wrote it; take `_bench` out"):
        to_row(text, "text")


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({}, "has no question; give one of: messages, conversations, prompt, instruction, chosen"),
        ({"promt": "q"}, "'promt': did you mean 'prompt'"),
        ({"question": "q", "answer": "a"}, r"has no question \(its fields: question, answer\)"),
        ({"prompt": "q", "messages": []}, "has both messages and prompt; keep one, or name"),
        ({"chosen": "a", "messages": []}, "has both messages and chosen; keep one, or name"),
        ({"prompt": None, "text": None}, "has no question"),
        ({"a\nb": 1}, r"has no question \(its fields: 'a\\nb'\)"),
    ],
)
def test_formats_that_are_none(record: dict[str, Any], says: str) -> None:
    with pytest.raises(RowError, match=says):
        recognise(record)


def test_text_beside_a_format_is_a_field_of_ones_own() -> None:
    # As in the original Alpaca data, where `text` is the whole prompt.
    record = {**SINGLE, "text": "### Instruction: ..."}
    assert recognise(record) == "alpaca"
    assert convert(convert(record, "text"), "alpaca") == record


@pytest.mark.parametrize(
    ("form", "record", "says"),
    [
        ("alpaca", {"output": "a"}, "has no field 'instruction'"),
        ("alpaca", {"instruction": "q", "output": 3}, "`output` must be a text, not a number"),
        ("alpaca", {"instruction": "q", "history": [["a"]]}, "`history` item 1 must be"),
        ("alpaca", {"instruction": "q", "output": "a", "reference": "b"}, "has both output and"),
        ("chat", {"messages": {"role": "user"}}, "turns must be a list, not an object"),
        ("chat", {"messages": said(("tool", "x"))}, "turn 1 needs a role of system, user"),
        ("chat", {"messages": [{"role": "user", "content": "", "name": "x"}]}, "nothing else"),
        ("chat", {"system": "s", "messages": said(("system", "x"))}, "has `system` and a system"),
        ("chat", {"messages": [], "conversations": []}, "has both messages and conversations"),
        ("completion", {"prompt": "q", "completion": []}, "one turn of the assistant"),
        ("preference", {"prompt": "q", "rejected": "b"}, "has no field 'chosen'"),
        ("preference", {"prompt": "q", "chosen": 1}, "`chosen` must be a text, not a number"),
        ("preference", {"chosen": "a", "rejected": "b"}, "has no field 'prompt'"),
        ("preference", {"prompt": "q", "chosen": []}, "last turn of `chosen` must be the assist"),
        ("preference", {"prompt": "q", "chosen": "a", "rejected": said(("user", "b"))}, "rejected"),
        (
            "preference",
            {
                "chosen": said(("user", "q"), ("assistant", "a")),
                "rejected": said(("user", "r"), ("assistant", "b")),
            },
            "may differ in their last turn only",
        ),
        (
            "preference",
            {"prompt": "r", "chosen": said(("user", "q"), ("assistant", "a"))},
            "`prompt` is not what `chosen` begins with",
        ),
        ("chat", {"messages": [], "_bench": {"rejected": 1}}, "`_bench` is broken"),
        ("text", {"text": None}, "`text` must be a text, not nothing"),
        ("text", {"text": "t", "id": 1.5}, "`id` must be a text or a whole number, not a number"),
        ("text", {"text": "t", "split": "dev"}, "train, validation, test, not 'dev'"),
        ("text", {"text": "t", "_bench": "mine"}, "bench did not write this one"),
        ("text", {"text": "t", "_bench": {"x": 1}}, "bench did not write this one"),
        ("text", {"text": "t", "_bench": {"extra": 1}}, "`_bench` is broken"),
        ("text", {"text": "t", "_bench": {"messages": [1]}}, "`_bench` is broken"),
        ("text", {"text": "t", "_bench": {"messages": 1}}, "`_bench` is broken"),
        ("chat", {"messages": [], "_bench": {"references": [1]}}, "`_bench` is broken"),
        ("chat", {"messages": [], "_bench": {"text": 1, "messages": []}}, "`_bench` is broken"),
    ],
)
def test_records_that_are_broken(form: Format, record: dict[str, Any], says: str) -> None:
    with pytest.raises(RowError, match=says) as caught:
        to_row(record, form, Place(file="x", line=1))
    assert "\n" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            "messages conversations system prompt completion reference references instruction "
            "input output history text chosen rejected id group split meta _bench".split()
        ),
        values | turns | st.dictionaries(st.sampled_from(["as", "extra", "text"]), values),
    )
)
def test_no_record_breaks_it(record: dict[str, Any]) -> None:
    for form in FORMATS:
        try:
            row = to_row(record, form)
        except RowError:
            continue
        for to in FORMATS:
            assert to_row(through_json(from_row(row, to)), to).messages == row.messages
