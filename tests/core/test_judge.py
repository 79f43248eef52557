"""The judging stage: what is kept, what is asked again, and verdicts as numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from loopback import Reply, answer, question, serve

from benchmark import load_suite, make_plan, run
from benchmark.core.judge import judge, verdicts_of
from benchmark.core.state import Answers
from benchmark.errors import ConfigError
from benchmark.plugins import JudgeItem, Plugin
from benchmark.progress import Silent
from benchmark.records import Example, Generation, Message, Verdict, Vote
from benchmark.references import cache_root

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-canary-0123456789abcdef"


class Counting(Plugin):
    """Gives an answer's length; what it does otherwise is told by class."""

    arity: ClassVar[int] = 1
    asked: ClassVar[list] = []
    broken_at: ClassVar[int | None] = None
    error: ClassVar[str | None] = None
    value: ClassVar[float | None] = None

    def each(self, items, progress):
        for at, item in enumerate(items):
            if at == self.broken_at:
                raise RuntimeError("the judge\nhas gone")
            self.asked.append((item.example.id, item.generations[0].text))
            value = float(len(item.generations[0].text)) if self.value is None else self.value
            yield at, Verdict(
                example_id=item.example.id, judge="?", candidates=("?",),
                value=None if self.error else value, label="failed" if self.error else "x",
                error=self.error,
            )  # fmt: skip

    def judge(self, items, progress):
        return [verdict for _, verdict in self.each(items, progress)]


@pytest.fixture
def counting(monkeypatch):
    for name, value in (("asked", []), ("broken_at", None), ("error", None), ("value", None)):
        monkeypatch.setattr(Counting, name, value)
    return Counting


def items(candidate, *texts):
    return [
        JudgeItem(
            Example(id=str(at), prompt=(Message(role="user", content=f"Question {at} ?"),)),
            (Generation(example_id=str(at), candidate=candidate, text=text),),
        )
        for at, text in enumerate(texts)
    ]


def go(asked):
    return verdicts_of("length", Counting(), asked, Silent())


def test_two_candidates_that_answer_alike_are_judged_once(counting):
    made = go({"a": items("a", "un", "deux"), "b": items("b", "un", "trois")})
    assert len(counting.asked) == 3 and made.computed == 2
    assert [row.value for row in made.verdicts["b"]] == [2, 5]
    assert {row.judge for row in made.verdicts["a"]} == {"length"}
    assert {row.candidates for row in made.verdicts["b"]} == {("b",)}


def test_a_judge_that_breaks_goes_on_where_it_was(counting, monkeypatch):
    monkeypatch.setattr(counting, "broken_at", 2)
    made = go({"a": items("a", "un", "deux", "trois", "quatre")})
    rows = made.verdicts["a"]
    assert [row.value for row in rows] == [2, 4, None, None]
    assert {row.error for row in rows[2:]} == {"RuntimeError: the judge has gone"}
    monkeypatch.setattr(counting, "broken_at", None)
    counting.asked.clear()
    made = go({"a": items("a", "un", "deux", "trois", "quatre")})
    assert [text for _, text in counting.asked] == ["trois", "quatre"]  # errors are not kept
    assert [row.value for row in made.verdicts["a"]] == [2, 4, 5, 6]
    assert go({"a": items("a", "un")}).computed == 0


def test_an_error_is_asked_about_again(counting, monkeypatch):
    monkeypatch.setattr(counting, "error", "HTTP 503")
    assert go({"a": items("a", "un")}).verdicts["a"][0].error == "HTTP 503"
    monkeypatch.setattr(counting, "error", None)
    assert go({"a": items("a", "un")}).verdicts["a"][0].value == 2


def test_an_error_of_one_vote_is_asked_about_again(counting, monkeypatch):
    each = counting.each
    lost = Vote(member="m", value=None, label="failed", error="HTTP 503")

    def partly(self, found, progress):
        for at, verdict in each(self, found, progress):
            yield at, verdict.model_copy(update={"votes": (lost,)})

    monkeypatch.setattr(counting, "each", partly)
    go({"a": items("a", "un")})
    go({"a": items("a", "un")})
    assert len(counting.asked) == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_a_failure(counting, monkeypatch, value):
    monkeypatch.setattr(counting, "value", value)
    (row,) = go({"a": items("a", "un")}).verdicts["a"]
    assert (row.value, row.label, row.error) == (None, "failed", "the value is no number")


def test_a_damaged_file_is_put_aside(counting):
    go({"a": items("a", "un")})
    (file,) = (cache_root() / "verdicts").glob("*.jsonl")
    file.write_text("not JSON\n")
    assert go({"a": items("a", "un")}).computed == 1
    assert file.with_suffix(".damaged").is_file() and len(file.read_text().splitlines()) == 1


# --- whole runs -----------------------------------------------------------------------------


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a suite with these judges; its candidates need no model."""
    rows = [
        {"id": str(n), "prompt": f"Question {n} ?", "completion": f"Il faut {n} heures de repos."}
        for n in range(20)
    ]
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def suite(judges, **more):
        content = {
            "suite": "judged",
            "dataset": {"use": "jsonl", "path": str(data)},
            "split": {"train": 0, "validation": 0, "test": 20},
            "backend": "echo",
            "candidates": {"echo": None, "oracle": {"backend": "oracle"}},
            "baseline": "echo",
            "metrics": {"levenshtein": None},
            "judges": judges,
            "judging": {"canaries": 0},  # they are asked too; `core.trust` has tests of its own
            "resamples": 200,
            "reports": {"json": None, "markdown": None, "html": None},
        } | more
        path = tmp_path / "judged.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    return suite


def bench(path, tmp_path, *more, **environment):
    return subprocess.run(
        [sys.executable, "-m", "benchmark", "run", str(path), "--reports",
         str(tmp_path / "reports"), *more],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"NO_PROXY": "127.0.0.1", "JUDGE_KEY": KEY} | environment,
    )  # fmt: skip


@pytest.fixture
def go_on(tmp_path, monkeypatch):
    """Return a function that runs a suite here."""
    monkeypatch.setenv("JUDGE_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return lambda path: run(make_plan(load_suite(path)), reports=tmp_path / "reports")


def openai(server, **more):
    quick = {"timeout": 2, "deadline": 3, "max_retries": 0, "api_key_env": "JUDGE_KEY"}
    return {"use": "openai", "base_url": server.url, "model": "m"} | quick | more


def yes_to_facts(call):
    """Say yes to the reference, no to the question's echo."""
    said = question(call.body).split("<réponse ")[1]
    return answer(json.dumps({"raison": "r", "verdict": "oui" if "heures" in said else "non"}))


def test_verdicts_are_numbers_with_interval_and_p(write, go_on):
    with serve(yes_to_facts) as server:
        path = write({"facts": {"use": "same_facts", "backend": openai(server)}})
        results = go_on(path)
    assert (results.score("oracle", "facts").value, results.score("echo", "facts").value) == (1, 0)
    versus = results.comparison("oracle", "facts")
    assert (versus.difference, versus.n) == (1, 20) and versus.p < 0.01
    (echo, oracle) = results.verdicts
    assert (oracle.value, oracle.n, oracle.votes, oracle.tokens_in) == (1, 20, 20, 220)
    assert echo.reasons == {} and results.status == "complete"


def test_a_comparison_is_with_the_baseline_itself(write, go_on, tmp_path):
    def first(call):
        return answer('{"raison": "r", "verdict": "A"}')

    with serve(first) as server:
        path = write({"duel": {"use": "pairwise", "backend": openai(server)}})
        results = go_on(path)
    assert results.score("oracle", "duel").value == results.score("echo", "duel").value == 0.5
    assert results.comparison("oracle", "duel").p == 1
    (verdicts,) = results.verdicts
    assert verdicts.notes[0].startswith("100% of the pairs are ties")
    page = (tmp_path / "reports" / "judged" / results.run_id / "report.md").read_text()
    assert "100% of the pairs are ties" in page.replace("\\", "")


def test_a_sample_is_judged_and_the_rest_is_not_counted_as_failed(write, go_on):
    with serve(yes_to_facts) as server:
        judge = {"use": "same_facts", "backend": openai(server), "candidates": ["oracle"]}
        path = write({"facts": judge | {"examples": 5}})
        results = go_on(path)
        assert len(server.calls) == 5
    row = results.score("oracle", "facts")
    assert (row.n, row.failed) == (5, 0)
    assert [summary.candidate for summary in results.verdicts] == ["oracle"]


def test_no_verdict_of_a_server_that_is_down_leaves_the_run_incomplete(write, go_on):
    with serve(lambda call: Reply(status=500)) as server:
        results = go_on(write({"facts": {"use": "same_facts", "backend": openai(server)}}))
    assert (results.status, results.exit_code) == ("incomplete", 4)
    assert results.score("oracle", "facts").value is None
    assert results.score("oracle", "facts").failed == 20
    assert [row.reasons for row in results.verdicts] == [{"failed": 20}] * 2


def test_a_run_over_its_budget_says_so_and_the_next_one_goes_on(write, go_on):
    judge = {"use": "same_facts", "max_new_tokens": 64}
    with serve(yes_to_facts) as server:
        cap = {"tokens": 1700}
        results = go_on(write({"facts": judge | {"backend": openai(server, budget=cap)}}))
        asked = len(server.calls)
        assert results.exit_code == 4 and 0 < asked < 40
        assert asked * 18 <= 1700  # what the server counted
        over = sum(row.reasons["over budget"] for row in results.verdicts)
        assert over == 40 - asked == sum(row.abstained for row in results.verdicts)
        assert go_on(write({"facts": judge | {"backend": openai(server)}})).exit_code == 0
        assert len(server.calls) == 40  # nothing that was answered is asked again


def test_a_key_is_found_in_no_file_and_no_line_of_a_failing_run(write, tmp_path):
    def refused(status):
        return lambda call: Reply({"error": {"message": f"wrong {KEY}", "code": status}}, status)

    with serve(refused(401)) as one, serve(refused(403)) as two, serve(refused(500)) as three:
        google = {"use": "langchain", "model": "google_genai:gemini-x", "deadline": 3,
                  "max_retries": 0,
                  "parameters": {"base_url": two.url.removesuffix("/v1")}}  # fmt: skip
        judges = {"one": {"use": "same_facts", "backend": openai(one)},
                  "two": {"use": "coherence", "backend": google},
                  "three": {"use": "rubric", "backend": openai(three)}}  # fmt: skip
        done = bench(write(judges), tmp_path, "--debug", GOOGLE_API_KEY=KEY)
    assert done.returncode == 4, done.stderr
    assert "set JUDGE_KEY" in done.stderr and "set GOOGLE_API_KEY" in done.stderr
    shown = [done.stdout, done.stderr]
    for folder in (tmp_path, cache_root()):
        for file in folder.rglob("*"):
            if file.is_file():
                shown.append(file.read_text(encoding="utf-8", errors="replace"))
    assert KEY not in "".join(shown)


@pytest.mark.parametrize(
    ("judges", "told"),
    [
        ({"levenshtein": {"use": "fixed"}}, "a metric has the name 'levenshtein' too"),
        ({"facts": {"use": "same_facts", "model": "google_genai:x", "candidates": ["orcle"]}},
         "no candidate is called 'orcle'; did you mean 'oracle'"),
        ({"facts": {"use": "same_facts"}}, "names no model"),
        ({"facts": {"use": "same_fact", "model": "google_genai:x"}}, "did you mean 'same_facts'"),
    ],
)  # fmt: skip
def test_a_wrong_judge_is_told_with_its_line(write, judges, told):
    with pytest.raises(ConfigError, match=told) as error:
        make_plan(load_suite(write(judges)))
    assert "judged.yaml:" in str(error.value)


def test_a_judge_may_lead_the_board_and_decides_a_gate_by_its_own_key(write):
    judges = {"facts": {"use": "fixed"}}
    gates = {"g": {"judge": "facts", "floor": 0.5}}
    assert make_plan(load_suite(write(judges, gates=gates, primary="facts"))).primary == "facts"
    gates = {"g": {"score": "facts", "floor": 0.5}}
    with pytest.raises(ConfigError, match="'facts' is a judge"):
        make_plan(load_suite(write(judges, gates=gates)))


def test_tests_of_a_judge_are_asked_with_the_answers(write, tmp_path, counting, monkeypatch):
    plan = make_plan(load_suite(write({"length": {"use": "fixed"}})))
    plan.judges["length"] = Counting()
    rows = items("echo", "un", "deux")
    found = judge(
        plan,
        [item.example for item in rows],
        {"echo": Answers([item.generations[0] for item in rows], "", False)},
        Silent(),
        {"length": {"empty": items("?", ""), "same": items("?", "un")}},
    )
    assert [row.value for row in found.tests["empty", "length"]] == [0]
    assert [row.value for row in found.tests["same", "length"]] == [2]
    assert list(found.verdicts) == [("echo", "length")]
    assert sorted(text for _, text in counting.asked) == ["", "deux", "un"]
