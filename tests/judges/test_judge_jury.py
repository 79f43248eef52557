"""Judges that ask servers on this machine: what is asked, what is counted, and what is not lost."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from judge_helpers import KEY, item, items, judge, openai, says, verdict
from loopback import Reply, answer, question, serve
from pydantic import ValidationError

from benchmark.errors import ConfigError
from benchmark.plugins import JUDGES


def by_number(call):
    """Give each answer its own mark: example 7 has 7 % 5 + 1."""
    text = next(turn["content"] for turn in call.body["messages"] if "Question" in turn["content"])
    return answer(verdict(str(int(text.split("Question ")[1].split()[0]) % 5 + 1)))


def test_a_rubric_grades_every_answer():
    with serve(by_number) as server:
        rows = judge("rubric", items(60), backend=openai(server, price={"input": 1, "output": 2}))
        assert len(server.calls) == 60
    assert [row.value for row in rows] == [at % 5 + 1 for at in range(60)]
    assert {row.error for row in rows} == {None}
    assert rows[0].rationale == "parce que"
    assert (rows[0].votes[0].tokens_in, rows[0].votes[0].tokens_out) == (11, 7)
    assert rows[0].votes[0].cost == pytest.approx((11 + 14) / 1e6)
    assert rows[0].votes[0].member == "m/plain/1"


def test_equal_questions_are_asked_once_and_known_answers_never():
    with serve(says(verdict("3"))) as server:
        twice = [item(1, "La même."), item(1, "La même."), item(1, "Une autre.")]
        rows = judge("rubric", twice, backend=openai(server))
        assert len(server.calls) == 2 and [row.value for row in rows] == [3, 3, 3]
        judge("rubric", twice, backend=openai(server))
        assert len(server.calls) == 2


BAD = {
    "rubbish": "Je ne sais pas.",
    "empty": "",
    "out of range": verdict("9"),
    "cut": '{"raison": "coupé au',
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_read_is_asked_once_more(kind):
    with serve(
        lambda call: answer(BAD[kind] if len(call.body["messages"]) == 2 else verdict("2"))
    ) as server:
        (row,) = judge("rubric", items(1), backend=openai(server))
        first, second = server.calls
    assert row.value == 2 and row.error is None
    assert [turn["role"] for turn in second.body["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert second.body["messages"][:2] == first.body["messages"]
    assert row.votes[0].tokens_in == 22  # both are paid


@pytest.mark.parametrize(
    ("reply", "label", "told"),
    [
        (answer("Je ne sais pas."), "unparseable", "no verdict"),
        (answer(verdict("9")), "unparseable", "not on the scale"),
        (answer('{"raison": "un peu', finish_reason="length"), "cut", "max_new_tokens"),
        (answer(None, message={"refusal": "I cannot"}), "refused", "refuses"),
        (answer(None, finish_reason="content_filter"), "refused", "filter"),
        (answer(None), "failed", "no text"),
        (answer(None, finish_reason="length"), "cut", "no text"),
        (Reply(b"<html>Oops</html>", headers={"Content-Type": "text/html"}), "failed", "JSON"),
        (Reply({"error": {"message": "busy"}}, status=503), "failed", "503"),
        (Reply({"error": {"message": "bad"}}, status=400), "failed", "400"),
        (Reply(answer(verdict("3")), reset=True), "failed", "given up"),
        (Reply(answer(verdict("3")), drip=0.1), "failed", "in time"),
        (Reply(answer(verdict("3")), delay=9), "failed", "in time"),
    ],
)
def test_a_failure_is_classified_and_never_a_mark(reply, label, told):
    with serve(lambda call: reply) as server:
        settings = openai(server, timeout=0.3, deadline=0.6, max_retries=1)
        (row,) = judge("rubric", items(1), backend=settings)
    assert (row.value, row.label) == (None, label)
    assert told in row.error and row.votes[0].error == row.error


def test_a_refused_key_stops_the_judge_at_once_and_names_the_variable(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", KEY)
    said = []

    class Told:
        def __getattr__(self, name):
            from benchmark.progress import Silent

            return said.append if name == "say" else getattr(Silent(), name)

    refusal = Reply({"error": {"message": f"bad key {KEY}"}}, status=401)
    with serve(lambda call: refusal) as server:
        settings = openai(server, api_key_env="JUDGE_KEY", concurrency=2)
        rows = judge("rubric", items(20), Told(), backend=settings)
        assert len(server.calls) <= 2
    assert {row.label for row in rows} == {"failed"} and len(rows) == 20
    assert all("set JUDGE_KEY" in row.error and KEY not in row.error for row in rows)
    assert len(said) == 1 and KEY not in said[0]


def panel(good, bad, **vote):
    return {
        "panel": {"models": [openai(good), openai(bad, model="n", max_retries=0)]},
        "vote": vote,
    }


def test_one_member_that_is_down_leaves_the_verdict_to_the_quorum():
    with serve(says(verdict("4"))) as good, serve(lambda call: Reply(status=500)) as bad:
        rows = judge("rubric", items(3), **panel(good, bad))
        assert [row.value for row in rows] == [4, 4, 4]
        assert [[vote.label for vote in row.votes] for row in rows] == [["4", "failed"]] * 3
        strict = judge("rubric", items(3), **panel(good, bad, quorum=1.0))
    assert {(row.value, row.label) for row in strict} == {(None, "no quorum")}
    assert all("1 of 2 votes have a value, and 2 are needed" in row.error for row in strict)


def test_members_with_servers_of_their_own_are_asked_at_the_same_time():
    both = threading.Barrier(2, timeout=5)  # breaks, and the calls fail, if one waits for the other

    def script(call):
        both.wait()
        return answer(verdict("4"))

    with serve(script) as one, serve(script) as two:
        models = [openai(one, max_retries=0), openai(two, model="n", max_retries=0)]
        (row,) = judge("rubric", items(1), panel={"models": models})
    assert [vote.value for vote in row.votes] == [4, 4]
    assert [vote.member for vote in row.votes] == ["m/plain/1", "n/plain/1"]


def marks(*table):
    """Answer by variant: plain, strict, checked."""

    def script(call):
        text = question(call.body)
        at = 1 if "la plus basse" in text else 2 if "Listez" in text else 0
        number = int(text.split("Question ")[1].split()[0])
        return answer(verdict(table[at](number)))

    return script


def test_the_third_is_asked_where_the_first_two_differ_and_on_a_sample():
    script = marks(lambda n: "4", lambda n: "4" if n % 4 else "2", lambda n: "2")
    vote = {"rule": "majority", "on_disagreement": True, "full_share": 0.25}
    with serve(script) as server:
        rows = judge(
            "rubric", items(60), backend=openai(server), vote=vote,
            panel={"variants": ["plain", "strict", "checked"]},
        )  # fmt: skip
        asked = len(server.calls)
    sampled = [row for row in rows if row.full]
    assert 5 < len(sampled) < 30  # 15 are expected of 60
    for at, row in enumerate(rows):
        assert len(row.votes) == (3 if row.full or at % 4 == 0 else 2)
        assert row.value == (2 if at % 4 == 0 else 4)
    assert asked == sum(len(row.votes) for row in rows) < 3 * 60


def test_repeats_are_asked_again_with_seeds_of_their_own():
    seeds = []
    for _ in range(2):
        with serve(says(verdict("3"))) as server:
            settings = {"backend": openai(server), "panel": {"repeats": 3}, "temperature": 0.7}
            (row,) = judge("rubric", items(1), **settings)
            seeds.append([call.body["seed"] for call in server.calls])
    assert len(set(seeds[0])) == 3 and seeds[0] == seeds[1]
    assert [vote.member for vote in row.votes] == ["m/plain/1", "m/plain/2", "m/plain/3"]


def test_criteria_are_asked_one_by_one_and_all_are_needed():
    def script(call):
        text = call.body["messages"][0]["content"]
        return answer(verdict("oui" if "numéro" in text else "non" if "durée" in text else "?"))

    asked = ("Cite le numéro de l'article", "Donne la durée")
    with serve(script) as server:
        (row,) = judge("criteria", items(1), criteria=asked, backend=openai(server))
        assert (row.value, row.label, len(server.calls)) == (0.5, "1 of 2", 2)
        (row,) = judge("criteria", items(1), criteria=[*asked, "Autre"], backend=openai(server))
    assert (row.value, row.label) == (None, "unparseable") and "'Autre'" in row.error


@pytest.mark.parametrize("use", ["same_facts", "coherence"])
def test_the_two_questions_of_the_course(use):
    with serve(says(lambda text: verdict("oui" if "Réponse 0" in text else "non"))) as server:
        rows = judge(use, items(2), backend=openai(server))
        seen = [question(call.body) for call in server.calls]
    assert [row.value for row in rows] == [1, 0]
    assert all(("Onze heures de repos." in text) == (use == "same_facts") for text in seen)


def test_without_a_reference_there_is_nothing_to_compare_with():
    with serve(says(verdict("oui"))) as server:
        bare = [item(0, "Une réponse.", reference=None)]
        (row,) = judge("same_facts", bare, backend=openai(server))
        assert (row.value, row.label, row.error, server.calls) == (None, "abstained", None, [])
        assert judge("coherence", bare, backend=openai(server))[0].value == 1


def test_a_budget_is_never_overshot_and_told():
    with serve(says(verdict("3"))) as server:
        settings = openai(server, budget={"tokens": 60_000}, concurrency=8)
        rows = judge("rubric", items(60), backend=settings, max_new_tokens=512)
        spent = 18 * len(server.calls)
        labels = Counter(row.label for row in rows)
        assert spent <= 60_000 and labels["3"] == 60  # what was set aside became free again
        settings = openai(server, budget={"tokens": 2500}, model="n")
        rows = judge("rubric", items(60), backend=settings, max_new_tokens=512)
    labels = Counter(row.label for row in rows)
    assert labels["over budget"] + labels["3"] == 60 and 0 < labels["3"] < 60
    over = next(row for row in rows if row.label == "over budget")
    assert "of 2,500 tokens spent" in over.error
    assert 18 * labels["3"] <= 2500


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "names no model"),
        ({"model": "google_genai:x", "backend": "oracle"}, "names its models twice"),
        ({"backend": "oracle"}, "control"),
        ({"backend": {"use": "openai", "model": "m"}}, "base_url"),
        ({"model": "gemini"}, "provider:name"),
        ({"model": "google_genai:x", "rubric": "qualty-fr"}, "did you mean"),
        ({"model": "google_genai:x", "panel": {"variants": ["strct"]}}, "did you mean 'strict'"),
        ({"model": "google_genai:x", "panel": {"repeats": 2}}, "temperature"),
        ({"model": "google_genai:x", "vote": {"on_disagreement": True}}, "needs three members"),
        ({"model": "google_genai:x", "vote": {"quorum": 0}}, "quorum"),
    ],
)
def test_a_wrong_judge_is_refused_before_anything_runs(settings, told):
    with pytest.raises(ValidationError, match=told):
        JUDGES.load("rubric")(**settings)


def test_a_backend_that_is_not_there():
    with pytest.raises(ConfigError, match="did you mean 'openai'"):
        JUDGES.load("rubric")(backend={"use": "openia"})


def test_the_key_is_of_what_decides_a_verdict_and_of_nothing_else():
    def one(**more):
        return JUDGES.load("rubric")(**{"model": "google_genai:gemini-x"} | more)

    assert one().key == one(candidates=["a"]).key == one(examples=3).key
    others = [one(rubric="quality-en"), one(temperature=1), one(vote={"rule": "median"}),
              one(panel={"variants": ["strict"]}), one(model="google_genai:gemini-y"),
              one(max_chars=500)]  # fmt: skip
    assert len({found.key for found in others} | {one().key}) == 7
    assert "quality-fr@1#" in one().signature and "gemini-x/plain/1" in one().signature
