"""The replay backend: files as people have them, and files with everything wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmark.backends.replay import Replay
from benchmark.errors import CandidateError, DataError
from benchmark.plugins import Request
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Generation, Message
from benchmark.suite import Decoding


class Saying(Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def ask(*ids):
    return [Request(name, (Message(role="user", content="?"),), Template()) for name in ids]


def go(path, *ids, **settings):
    """Return the replies and the lines that were said."""
    said = Saying()
    with Replay(path=str(path), **settings).open(said) as model, model.adapted(None):
        asked = ask(*ids)
        (batch,) = model.batches(asked, Decoding())
        assert batch == list(range(len(ids)))
        return model.generate(asked, Decoding(), lambda *_, **__: None), said.lines


def write(path, *rows):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["text", "answer", "prediction", "completion", "output"])
@pytest.mark.parametrize("ident", ["id", "example_id"])
def test_usual_names_are_found(tmp_path, name, ident):
    path = write(tmp_path / "a.jsonl", {ident: "b", name: "deux"}, {ident: "a", name: "un"})
    replies, said = go(path, "a", "b")
    assert [reply.text for reply in replies] == ["un", "deux"]
    assert said == []


def test_names_of_one_s_own(tmp_path):
    path = write(tmp_path / "a.jsonl", {"qid": 7, "text": "question", "gpt": "réponse"})
    replies, _ = go(path, "7", id_field="qid", text_field="gpt")
    assert replies[0].text == "réponse"


def test_csv_and_json(tmp_path):
    (tmp_path / "a.csv").write_text('id,answer\n1,"un, deux"\n2,\n', encoding="utf-8")
    assert [reply.text for reply in go(tmp_path / "a.csv", "1", "2")[0]] == ["un, deux", ""]
    (tmp_path / "a.json").write_text('[{"id": "1", "output": "un"}]')
    assert go(tmp_path / "a.json", "1")[0][0].text == "un"


def test_generations_of_an_earlier_run_as_they_are(tmp_path):
    rows = [
        Generation(
            example_id="a",
            candidate="lora",
            text="x",
            finish="length",
            tokens_in=3,
            tokens_out=4,
            seconds=0.5,
            cost=0.25,
        ),
        Generation(example_id="b", candidate="lora", text=None, error="HTTP 500", finish="error"),
    ]
    path = write(tmp_path / "lora.jsonl", *(row.model_dump_json() for row in rows))
    (one, two), said = go(path, "a", "b")
    assert one[:6] == ("x", None, "length", 3, 4, 0.25)
    assert one.seconds == 0.5
    assert (two.text, two.error, two.finish) == (None, "HTTP 500", "error")
    assert said == []


def test_missing_answers_fail_and_others_are_said(tmp_path):
    path = write(tmp_path / "a.jsonl", *({"id": f"x{at}", "text": "t"} for at in range(5)))
    replies, said = go(path, "a", "x1")
    assert (replies[0].text, replies[0].error) == (None, "no answer in a.jsonl")
    assert replies[1].text == "t"
    (line,) = said
    assert line == f"{path}: 4 of 5 answers are to no question of the test set (x0, x2, x3, ...)"


def test_every_row_that_is_not_used_is_said_with_its_line(tmp_path):
    path = write(
        tmp_path / "a.jsonl",
        {"id": "a", "text": "un"},
        "{not json",
        {"id": "a", "text": "deux"},
        {"text": "sans id"},
        {"id": "b"},
        {"id": "c", "text": ["list"]},
        {"id": "d", "text": None},
        "[1]",
    )
    replies, said = go(path, "a", "b", "c", "d")
    assert [reply.text for reply in replies] == ["un", None, None, None]
    assert replies[3].error == "`text` is empty"
    numbered = [line.removeprefix(f"{path}:").partition(":")[0] for line in said]
    assert numbered == ["2", "3", "4", "5", "6", "8"]
    assert said[1] == f"{path}:3: a is answered in line 1; not used"
    assert "has no field `example_id` or `id`" in said[2]
    assert all("\n" not in line for line in said)


def test_an_answer_beats_an_error_of_the_same_id(tmp_path):
    path = write(tmp_path / "a.jsonl", {"id": "a", "error": "429"}, {"id": "a", "text": "un"})
    replies, said = go(path, "a")
    assert (replies[0].text, said) == ("un", [])


def several(path, count, *ids):
    """Return the texts of `count` samples of each id, and the lines that were said."""
    asked = [replace(one, sample=at) for one in ask(*ids) for at in range(count)]
    said = Saying()
    with Replay(path=str(path)).open(said) as model:
        replies = model.generate(asked, Decoding(samples=count), lambda *_, **__: None)
    return [reply.text for reply in replies], said.lines


def test_several_answers_of_an_id_are_its_samples(tmp_path):
    rows = [("a", "1"), ("b", "2"), ("a", "3"), ("a", None), ("a", "5"), ("a", "6")]
    path = write(tmp_path / "a.jsonl", *({"id": one, "text": text} for one, text in rows))
    texts, said = several(path, 3, "a", "b")
    assert texts == ["1", "3", "5", "2", None, None]
    assert said == [f"{path}:6: a is answered in line 1; not used"]
    assert several(path, 5, "a")[0] == ["1", "3", "5", "6", None]


def test_samples_of_a_run_are_replayed_as_they_were(tmp_path):
    rows = [
        Generation(
            example_id=one, candidate="x", text=text, error=None if text else "no", sample=at
        )
        for at in (1, 0, 2)
        for one, text in (("a", f"a{at}"), ("b", f"b{at}" if at else None))
    ]
    path = write(tmp_path / "a.jsonl", *(row.model_dump_json() for row in rows))
    assert several(path, 3, "a", "b") == (["a0", "a1", "a2", None, "b1", "b2"], [])
    texts, said = several(path, 2, "a", "b")
    assert texts == ["a0", "a1", None, "b1"]
    assert said[0] == f"{path}:5: a is sample 2, and 2 are asked for; not used"
    # In a file of somebody else's the word may mean anything.
    write(path, {"id": "a", "text": "un", "sample": 17})
    assert several(path, 1, "a") == (["un"], [])


def test_thousands_of_faults_are_counted(tmp_path):
    path = write(tmp_path / "a.jsonl", *(["{"] * 3000), {"id": "a", "text": "un"})
    replies, said = go(path, "a")
    assert replies[0].text == "un"
    assert len(said) == 21
    assert said[-1] == f"{path}: and 2980 more rows are not used"


def test_one_of_several_candidates(tmp_path):
    rows = [{"id": "a", "candidate": name, "text": name} for name in ("base", "lora")]
    path = write(tmp_path / "all.jsonl", *rows)
    assert go(path, "a", candidate="lora")[0][0].text == "lora"
    with pytest.raises(CandidateError, match="holds answers of base, lora; name one"):
        go(path, "a")
    with pytest.raises(CandidateError, match="no candidate 'lroa'; did you mean 'lora'"):
        go(path, "a", candidate="lroa")


def test_numbers_that_are_none_do_not_stop_a_run(tmp_path):
    rows = {"id": "a", "text": "x", "tokens_in": "viele", "seconds": -1, "tokens_out": "7"}
    (reply,), _ = go(write(tmp_path / "a.jsonl", rows), "a")
    assert (reply.tokens_in, reply.tokens_out, reply.seconds) == (0, 7, 0)


def test_the_fingerprint_is_the_content_s(tmp_path):
    one = write(tmp_path / "a.jsonl", {"id": "a", "text": "x"})
    two = write(tmp_path / "b.jsonl", {"id": "a", "text": "x"})
    assert Replay(path=str(one)).fingerprint(Silent()) == Replay(path=str(two)).fingerprint(
        Silent()
    )
    write(two, {"id": "a", "text": "y"})
    assert Replay(path=str(one)).fingerprint(Silent()) != Replay(path=str(two)).fingerprint(
        Silent()
    )
    found = Replay(path=str(one))
    one.unlink()
    with pytest.raises(DataError, match=r"cannot read .*a\.jsonl: No such file"):
        found.fingerprint(Silent())


def test_relative_to_where_the_command_runs(tmp_path, monkeypatch):
    write(tmp_path / "a.jsonl", {"id": "a", "text": "x"})
    monkeypatch.chdir(tmp_path)
    assert go("a.jsonl", "a")[0][0].text == "x"


@pytest.mark.parametrize(
    ("name", "reason"), [("none.jsonl", "no file"), ("a.txt", "no known kind")]
)
def test_a_file_that_is_none_is_refused(tmp_path, name, reason):
    with pytest.raises(ValueError, match=reason):
        Replay(path=str(tmp_path / name))
