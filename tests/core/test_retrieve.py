"""Candidates that retrieve: their prompts, their training rows, their recall, a whole run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny
import tiny_encoder
import yaml

from benchmark import load_suite, make_plan, run
from benchmark.core.data import load_data
from benchmark.core.preview import preview
from benchmark.core.requests import job_of
from benchmark.core.retrieve import retrieve
from benchmark.core.state import Data
from benchmark.core.train import adapter_key
from benchmark.progress import Silent
from benchmark.records import Found

RAG = {"documents": "lois.jsonl", "k": 2, "max_chars": 150}
TOPICS = ("les amendes", "le prêt des journaux", "la carte d'un mineur")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


def number(n: int) -> str:
    return f"L{1000 + n}-{n % 7}"


def rows(count):
    for n in range(count):
        yield {
            "id": str(n),
            "prompt": f"Que dit l'article {number(n)} sur {TOPICS[n % 3]} ?",
            "completion": f"Article {number(n)} : le prêt dure {n} jours, sauf pour les mineurs.",
            "group": f"cid{n // 2}",
        }


def laws(count):
    for n in range(count):
        text = f"Article {number(n)}. Le prêt est de {n} jours. Le lecteur rend le livre à temps."
        yield {"id": f"loi-{n}", "text": text, "group": f"cid{n // 2}"}


def lines(found):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)


@pytest.fixture
def suite(tmp_path, model, monkeypatch):
    """Write rows and documents; return a function that loads a suite with some candidates."""
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text(lines(rows(40)), encoding="utf-8")
    Path("lois.jsonl").write_text(lines(laws(30)), encoding="utf-8")  # not of all questions

    def load(candidates, *overrides):
        content = {
            "suite": "tiny",
            "seed": 7,
            "dataset": {"use": "jsonl", "path": "rows.jsonl"},
            "split": {"train": 16, "validation": 4, "test": 10},
            "backend": {"use": "hf", "model": str(model), "dtype": "float32"},
            "generation": {"max_new_tokens": 8, "batch_size": 5},
            "candidates": {"base": None, **candidates},
            "baseline": "base",
            "metrics": {"rouge": None},
            "resamples": 200,
            "reports": {"json": None, "markdown": None, "html": None},
        }
        Path("tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return load_suite("tiny.yaml", overrides)

    return load


def asked(suite, candidates, *overrides):
    plan = make_plan(suite(candidates, *overrides))
    return plan, retrieve(plan, load_data(plan, Silent()), Silent())


def prompts(plan, data: Data, name: str) -> list[str]:
    job = job_of(plan, data, plan.candidate(name), None, Silent())
    return [request.messages[-1].content for request in job.requests]


def key(plan, data: Data, name: str) -> str:
    return job_of(plan, data, plan.candidate(name), None, Silent()).key


def test_passages_stand_in_the_prompt_and_decide_the_key(suite):
    plan, data = asked(suite, {"rag": {"retrieval": RAG}})
    bare, shown = prompts(plan, data, "base"), prompts(plan, data, "rag")
    for question, prompt, found in zip(bare, shown, data.retrieved["rag"].found, strict=True):
        assert prompt.startswith("Voici des textes qui peuvent aider à répondre.\n\nArticle L1")
        assert prompt.endswith(f"\n\nQuestion : {question}")
        assert [hit.score for hit in found.hits] == sorted(
            (hit.score for hit in found.hits), reverse=True
        )
        assert found.chars <= 150
        if found.has_gold and int(found.example_id) < 30:
            assert found.hits[0].id == f"loi-{found.example_id}"  # the question names its article
    assert [row.question for row in data.test] == bare  # what is scored and shown is as it was
    assert key(plan, data, "base") != key(plan, data, "rag")

    plan, other = asked(suite, {"rag": {"retrieval": {**RAG, "k": 1}}})
    assert key(plan, other, "rag") != key(plan, data, "rag")


def test_training_rows_carry_passages_and_decide_the_key(suite):
    train = {"r": 2, "epochs": 1}
    plan, data = asked(
        suite, {"lora": {"train": train}, "lora-rag": {"train": train, "retrieval": RAG}}
    )
    sides, bare = data.sides("lora-rag"), data.sides("lora")
    assert [row.id for row in sides.train] == [row.id for row in data.train]
    for row, plain in zip([*sides.train, *sides.validation], [*data.train, *data.validation],
                          strict=True):  # fmt: skip
        assert row.references == plain.references
        assert row.question.endswith(f"Question : {plain.question}")
        if int(row.id) < 30:  # as at test time, its own article may be found
            assert f"Article {number(int(row.id))}." in row.question
    assert bare.train == data.train
    assert bare.train_sha256 == data.summary.train_sha256 != sides.train_sha256
    keys = {
        name: adapter_key(plan, plan.candidate(name), data, Silent()) for name in data.retrieved
    }
    assert keys["lora-rag"] != adapter_key(plan, plan.candidate("lora"), data, Silent())


def test_among_the_train_answers_no_train_row_finds_its_own(suite):
    train = {"r": 2, "epochs": 1}
    plan, data = asked(suite, {"lora-rag": {"train": train, "retrieval": {"k": 3}}})
    answers = {row.group: row.references[0] for row in data.train}
    for row in data.sides("lora-rag").train:
        assert "Voici des textes" in row.question
        assert answers[row.group] not in row.question
    tests = {row.references[0] for row in data.test}
    assert not any(
        answer in prompt for answer in tests for prompt in prompts(plan, data, "lora-rag")
    )
    summary = data.retrieved["lora-rag"].summary
    assert (summary.n, summary.recall.value, summary.in_index) == (0, None, 0)
    assert (summary.documents, summary.texts) == ("train", 16)


def test_few_shot_by_similarity_asks_each_question_otherwise(suite):
    few = {"few_shot": {"choose": "similarity", "k": 2}}
    plan, data = asked(suite, {"near": few, "near-rag": {**few, "retrieval": RAG}})
    job = job_of(plan, data, plan.candidate("near"), None, Silent())
    assert [turn.role for turn in job.requests[0].messages] == ["user", "assistant"] * 2 + ["user"]
    for request in job.requests:
        topics = [turn.content.partition(" sur ")[2] for turn in request.messages[::2]]
        assert len(set(topics)) == 1  # each question has a topic, and so have its examples
    both = job_of(plan, data, plan.candidate("near-rag"), None, Silent())
    for one, other in zip(job.requests, both.requests, strict=True):
        assert one.messages[:-1] == other.messages[:-1]  # solved examples stay without passages
        assert other.messages[-1].content.startswith("Voici des textes")


def test_where_nothing_is_found_the_question_stays_as_it_is(suite):
    Path("lois.jsonl").write_text(lines([{"text": "Zèbres et girafes."}]), encoding="utf-8")
    plan, data = asked(suite, {"rag": {"retrieval": RAG}})
    assert prompts(plan, data, "rag") == prompts(plan, data, "base")
    assert data.retrieved["rag"].summary.empty == 10


def test_answers_that_stand_in_the_documents_are_counted(suite):
    told = [{"id": row["id"], "text": row["completion"]} for row in rows(40)]
    Path("lois.jsonl").write_text(lines(told), encoding="utf-8")
    said = []

    class Listening(Silent):
        def say(self, message):
            said.append(message)

    plan = make_plan(suite({"rag": {"retrieval": RAG}}))
    for _ in range(2):  # found, then from the cache
        data = retrieve(plan, load_data(plan, Silent()), Listening())
        assert data.retrieved["rag"].summary.in_index == 10
    assert said == ["rag: 10 of 10 test answers are in the index: retrieval can copy them"] * 2


def test_a_run_reports_what_was_found(suite, tmp_path):
    candidates = {
        "rag": {"retrieval": RAG},
        "lora-rag": {"train": {"r": 4, "epochs": 2, "learning_rate": 0.01}, "retrieval": RAG},
        "echo-rag": {"backend": "echo", "retrieval": RAG},
    }
    plan = make_plan(suite(candidates))
    results = run(plan, reports=tmp_path / "reports")
    assert results.status == "complete"
    folder = tmp_path / "reports" / "tiny" / results.run_id

    one = results.retrieval[0]
    assert [row.candidate for row in results.retrieval] == ["rag", "lora-rag", "echo-rag"]
    assert (one.documents, one.texts, one.passages, one.k) == ("lois.jsonl", 30, 30, 2)
    assert 0 < one.n < one.asked == 10
    assert one.recall.low <= one.recall.value <= one.recall.high
    assert one.recall_at_1.value <= one.mrr.value <= one.recall.value
    assert one.in_prompt.value <= one.recall.value

    written = (folder / "retrieval" / "rag.jsonl").read_text(encoding="utf-8").splitlines()
    found = [Found.model_validate_json(line) for line in written]
    assert [row.example_id for row in found] == [
        json.loads(line)["id"] for line in (folder / "examples.jsonl").read_text().splitlines()
    ]
    gold = [any(hit.is_gold for hit in row.hits) for row in found if row.has_gold]
    assert one.recall.value == pytest.approx(sum(gold) / len(gold))

    markdown = (folder / "report.md").read_text(encoding="utf-8")
    assert "## Retrieval" in markdown and "| rag | lois.jsonl: 30 texts, 30 passages |" in markdown
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert '<section id="retrieval">' in html and one.signature in html

    cards = {card.name: card for card in results.candidates}
    assert cards["lora-rag"].description.endswith(
        "2 passages of lois.jsonl found by bm25 in the prompt"
    )
    # A control sees the passages too: what copying them would score.
    echoed = (folder / "generations" / "echo-rag.jsonl").read_text(encoding="utf-8")
    assert "Voici des textes" in echoed

    again = run(plan, reports=tmp_path / "reports")
    assert set(again.computed.values()) == {0}
    assert again.retrieval == results.retrieval


def test_by_embedding_with_a_dry_run_before(suite, tmp_path):
    encoder = tiny_encoder.build(tmp_path / "encoder", [row["text"] for row in laws(30)])
    dense = {**RAG, "method": "embedding", "model": str(encoder)}
    plan = make_plan(suite({"dense": {"retrieval": dense}}))
    states = {step.name: step.state for step in preview(plan, Silent())}
    assert states["retrieve dense"] == states["generate dense"] == "to do"  # nothing was encoded
    data = retrieve(plan, load_data(plan, Silent()), Silent())
    assert all(len(found.hits) == 2 for found in data.retrieved["dense"].found)
    assert "embedding|model:" in data.retrieved["dense"].summary.signature
    assert "retrieve dense" not in {step.name for step in preview(plan, Silent())}
