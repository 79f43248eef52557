"""The real client of Gemini against a server on this machine: faults of every kind, and ragas."""

from __future__ import annotations

import importlib.util
import random
from collections import Counter

import pytest
from judge_helpers import KEY, gemini_says, google, items, judge, verdict
from loopback import Reply, gemini, question, serve

from benchmark.errors import BenchError
from benchmark.plugins import JUDGES
from benchmark.progress import Silent

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
HTML = Reply(b"<html>down</html>", headers={"Content-Type": "text/html"})


def limited(**headers):
    return Reply({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, 429, headers=headers)


BURST = Reply({"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}}, 503)
FAULTS = [
    limited(),
    limited(**{"Retry-After": "0"}),
    BURST,
    HTML,
    Reply(gemini(verdict("4")), reset=True),
    Reply(gemini(verdict("4")), delay=3),
    Reply(gemini(verdict("4")), drip=0.05),
]
"""What passes."""
LASTING = {
    "unparseable": gemini("Je ne sais pas."),
    "refused": gemini(None, finish="SAFETY"),
    "cut": gemini(None, finish="MAX_TOKENS"),
}


def test_60_items_under_faults_lose_nothing():
    draw = random.Random(7)
    faulty = {f"Question {at} :": draw.choice(FAULTS) for at in range(60) if draw.random() < 0.4}
    lasting = {f"Question {at} :": name for at, name in zip((3, 13, 23), LASTING, strict=True)}

    def script(call):
        text = str(call.body["contents"])
        for mark, name in lasting.items():
            if mark in text:
                return LASTING[name]
        for mark, fault in faulty.items():
            if mark in text and call.number == 1:
                return fault
        return gemini(verdict("4"))

    with serve(script) as server:
        settings = google(server, timeout=1, deadline=20, max_retries=6)
        rows = judge("rubric", items(60), backend=settings)
    labels = Counter(row.label for row in rows)
    assert labels == {"4": 57, "unparseable": 1, "refused": 1, "cut": 1}
    assert {row.value for row in rows} == {4, None}
    assert all(row.error for row in rows if row.value is None)


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        (gemini(None), "unparseable"),
        (gemini(None, finish="MALFORMED_FUNCTION_CALL"), "unparseable"),
        ({"candidates": None}, "unparseable"),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, "refused"),
        (HTML, "failed"),
    ],
)
def test_an_answer_that_is_none_is_no_mark(reply, label):
    with serve(lambda call: reply) as server:
        settings = google(server, max_retries=1)
        (row,) = judge("rubric", items(1), backend=settings)
    assert (row.value, row.label) == (None, label)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_names_google_s_variable(status):
    refusal = Reply({"error": {"code": status, "message": f"no {KEY}", "status": "X"}}, status)
    with serve(lambda call: refusal) as server:
        rows = judge("rubric", items(8), backend=google(server, concurrency=2))
        assert len(server.calls) <= 2
    assert all("set GOOGLE_API_KEY" in row.error and KEY not in row.error for row in rows)


def test_the_rules_are_a_system_instruction_and_the_key_a_header():
    with serve(gemini_says(verdict("4"))) as server:
        judge("rubric", items(1), backend=google(server))
        (call,) = server.calls
    assert call.path == "/v1beta/models/gemini-x:generateContent"
    assert "5: Dit tout" in str(call.body["systemInstruction"])
    assert KEY not in str(call.body) and call.headers["x-goog-api-key"] == KEY


needs_ragas = pytest.mark.skipif(
    importlib.util.find_spec("ragas") is None, reason="ragas is not installed"
)


@needs_ragas
def test_answer_accuracy_through_ragas():
    """AnswerAccuracy asks twice, for 0, 2 or 4, and gives the mean over 4."""

    def text(prompt):
        return "4" if "Réponse 1 " in prompt else "2"

    with serve(gemini_says(text)) as server:
        settings = {"metric": "AnswerAccuracy", "backend": google(server)}
        rows = judge("ragas", items(12), **settings)
        assert len(server.calls) == 24
        again = judge("ragas", items(12), **settings)
        assert len(server.calls) == 24 and again == rows
    assert [row.value for row in rows] == [1.0 if at == 1 else 0.5 for at in range(12)]
    assert rows[0].votes[0].tokens_in == 22


@needs_ragas
def test_a_number_that_ragas_cannot_make_is_none():
    def script(call):
        if "Réponse 2 " in question(call.body):
            return gemini("pas de JSON")
        if "Réponse 3 " in question(call.body):
            return BURST
        return gemini('{"reason": "r", "verdict": 1}')

    about = {"name": "coherence", "definition": "La réponse est-elle cohérente ?"}
    with serve(script) as server:
        rows = judge(
            "ragas", items(5), metric="AspectCritic", parameters=about,
            backend=google(server, max_retries=0),
        )  # fmt: skip
    assert [row.label for row in rows] == ["1", "1", "unparseable", "failed", "1"]
    assert "503" in rows[3].error


@needs_ragas
def test_ragas_stops_at_a_refused_key():
    with serve(lambda call: Reply({"error": {"code": 403, "message": KEY}}, 403)) as server:
        rows = judge(
            "ragas", items(9), metric="FactualCorrectness", backend=google(server, concurrency=3)
        )
        assert len(server.calls) <= 3
    assert all("set GOOGLE_API_KEY" in row.error and KEY not in row.error for row in rows)


@needs_ragas
@pytest.mark.parametrize("name", ["AnswerAcuracy", "BleuScore"])
def test_a_metric_that_ragas_does_not_have(name):
    found = JUDGES.load("ragas")(metric=name, model="google_genai:gemini-x")
    with pytest.raises(BenchError, match="ragas has no metric"):
        found.prepare(Silent())
