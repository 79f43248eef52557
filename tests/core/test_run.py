"""The whole pipeline on a tiny random Llama, from training to reports, killed and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny
import yaml

from benchmark import load_suite, make_plan, run
from benchmark.core.data import load_data
from benchmark.errors import DataError
from benchmark.progress import Silent
from benchmark.records import Example, Generation, Score
from benchmark.results import Results
from benchmark.retrieval.few_shot import shots
from benchmark.suite import FewShot

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


def rows(count):
    for n in range(count):
        article = f"L{1000 + n}-{n % 7}"
        yield {
            "id": str(n),
            "prompt": f"Que dit l'article {article} ?",
            "completion": f"Article {article} : la durée est de {n} heures, été compris.",
            "group": f"cid{n // 2}",
        }


@pytest.fixture
def suite(tmp_path, model):
    """Write a suite file and return a function that loads it with overrides."""
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(40)))
    content = {
        "suite": "tiny",
        "seed": 7,
        "dataset": {"use": "jsonl", "path": str(data)},
        "split": {"train": 16, "validation": 4, "test": 10},
        "backend": {"use": "hf", "model": str(model), "dtype": "float32"},
        "generation": {"max_new_tokens": 8, "batch_size": 3},
        "candidates": {
            "base": None,
            "few-shot": {"few_shot": 2},
            "lora": {"train": {"r": 4, "epochs": 2, "learning_rate": 0.01, "batch_size": 4}},
            "echo": {"backend": "echo"},
            "oracle": {"backend": "oracle"},
            "shuffled": {"backend": "shuffled"},
        },
        "baseline": "base",
        "metrics": {"rouge": None, "levenshtein": None, "citation_accuracy": None},
        "judges": {"mentions": {"use": "fixed", "needle": "durée"}},
        "gates": {
            "holds": {"score": "citation_accuracy", "candidates": ["oracle"], "max_drop": 0.05}
        },
        "resamples": 500,
        "reports": {"json": None, "markdown": None, "html": None},
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))

    def load(*overrides):
        return load_suite(path, overrides)

    load.path = path
    return load


def read(path, record):
    return [record.model_validate_json(line) for line in path.read_text().splitlines()]


def go(suite, tmp_path, *overrides):
    return run(make_plan(suite(*overrides)), reports=tmp_path / "reports")


def test_everything_is_made_and_adds_up(suite, tmp_path):
    results = go(suite, tmp_path)
    folder = tmp_path / "reports" / "tiny" / results.run_id
    names = ["base", "few-shot", "lora", "echo", "oracle", "shuffled"]

    assert results.status == "complete"
    assert results.exit_code == 0 and results.verdict == "pass"
    assert [card.name for card in results.candidates] == names
    assert all(card.answered == 10 and card.failed == 0 for card in results.candidates)
    # Judged: 6 candidates and 6 kinds of canary.
    assert results.computed == {"trained": 1, "generated": 6, "scored": 18, "judged": 12}

    # The controls are the ends of every scale.
    assert results.score("oracle", "rougeL").value == 1.0
    assert results.score("oracle", "levenshtein").value == 0.0
    assert results.score("oracle", "citation_accuracy").value == 1.0
    assert results.score("echo", "citation_accuracy").value == 1.0  # the prompt names the article
    assert results.score("shuffled", "citation_accuracy").value == 0.0
    assert results.comparison("oracle", "rougeL").low > 0
    measured = [row for row in results.scores if row.score != "mentions"]
    assert all(row.n == 10 and row.signature for row in measured)
    assert all(row.low <= row.value <= row.high for row in measured)

    # A judge's abstentions are counted, not imputed.
    verdicts = {row.candidate: row for row in results.verdicts}
    assert (verdicts["oracle"].value, verdicts["oracle"].n, verdicts["oracle"].abstained) == (
        1.0,
        10,
        0,
    )
    assert (verdicts["echo"].value, verdicts["echo"].n, verdicts["echo"].abstained) == (None, 0, 10)
    assert verdicts["echo"].reasons == {"abstained": 10}
    # Its verdicts are numbers like any other, with interval and p.
    assert (results.score("oracle", "mentions").value, results.score("echo", "mentions").n) == (
        1,
        0,
    )
    assert results.score("echo", "mentions").failed == 10
    assert results.comparison("oracle", "mentions").n == results.score("base", "mentions").n

    # What is on disk is what was returned.
    assert Results.model_validate_json((folder / "results.json").read_bytes()) == results
    assert (folder.parent / "latest").resolve() == folder.resolve()
    examples = read(folder / "examples.jsonl", Example)
    for name in names:
        made = read(folder / "generations" / f"{name}.jsonl", Generation)
        assert [row.example_id for row in made] == [row.id for row in examples]
        assert {row.candidate for row in made} == {name}
    assert len(read(folder / "scores.jsonl", Score)) == 6 * 4 * 10
    assert "oracle" in (folder / "report.md").read_text()
    assert "oracle" in (folder / "report.html").read_text()

    # The saved suite is the suite.
    assert make_plan(load_suite(folder / "suite.yaml")).fingerprint == results.fingerprint

    lora = next(card for card in results.candidates if card.name == "lora")
    assert lora.training.rows == 16 and lora.training.curve[-1].loss < lora.training.curve[0].loss
    assert lora.changed > 0


def test_again_computes_nothing_and_changes_compute_only_themselves(suite, tmp_path):
    first = go(suite, tmp_path)
    again = go(suite, tmp_path)
    nothing = {"trained": 0, "generated": 0, "scored": 0, "judged": 0}
    assert again.computed == nothing
    assert again.run_id == first.run_id
    assert again.scores == first.scores and again.comparisons == first.comparisons

    metric = go(suite, tmp_path, "metrics.rouge={use: rouge, compat: rouge_score}")
    assert metric.computed == nothing | {"scored": 6}
    assert metric.run_id != first.run_id

    rank = go(suite, tmp_path, "candidates.lora.train.r=2")
    assert rank.computed == {"trained": 1, "generated": 1, "scored": 3, "judged": 1}
    same = [row for row in first.scores if row.candidate != "lora"]
    assert [row for row in rank.scores if row.candidate != "lora"] == same

    # A candidate's name is no part of what it answers.
    child = tmp_path / "child.yaml"
    child.write_text(
        "extends: tiny.yaml\ncandidates: {oracle: false, other: {backend: oracle}}\n"
        "gates: {holds: {candidates: [other]}}\n"
    )
    renamed = run(make_plan(load_suite(child)), reports=tmp_path / "reports")
    assert renamed.computed == nothing
    assert renamed.score("other", "rougeL").value == 1.0

    limited = go(suite, tmp_path, "limit=4")
    assert limited.computed["trained"] == 0  # a smaller test side leaves training as it is
    assert limited.dataset.test == 4


def test_batch_size_changes_no_answer_in_float32(suite, tmp_path):
    for size in (1, 4, 32):
        results = go(suite, tmp_path, f"generation.batch_size={size}")
        folder = tmp_path / "reports" / "tiny" / results.run_id / "generations"
        texts = {
            name: [row.text for row in read(folder / name, Generation)]
            for name in ("base.jsonl", "few-shot.jsonl", "lora.jsonl")
        }
        if size == 1:
            expected = texts
    assert texts == expected


def test_a_candidate_that_cannot_be_trained_is_shown_and_the_others_go_on(suite, tmp_path):
    results = go(suite, tmp_path, "candidates.lora.train.target_modules=[q_prjo]")
    cards = {card.name: card for card in results.candidates}
    assert "q_prjo" in cards["lora"].error
    assert cards["base"].answered == 10
    assert results.status == "incomplete" and results.exit_code == 4
    assert not [row for row in results.scores if row.candidate == "lora"]
    report = (tmp_path / "reports" / "tiny" / results.run_id / "report.md").read_text()
    assert "q_prjo" in report


def test_few_shot_never_shows_fewer_examples_than_asked(suite, tmp_path):
    with pytest.raises(DataError, match=r"0 of 16 train rows.*few_shot\.max_chars"):
        go(suite, tmp_path, "candidates.few-shot.few_shot={k: 2, max_chars: 5}")


def test_few_shot_examples_come_from_the_train_side(suite, tmp_path):
    plan = make_plan(suite())
    data = load_data(plan, Silent())
    turns, *others = shots(data.train, data.test, FewShot(k=3), seed=1)
    assert others == [turns] * 9  # the same for each question
    assert [turn.role for turn in turns] == ["user", "assistant"] * 3
    answers_ = {row.references[0] for row in data.train}
    assert {turn.content for turn in turns[1::2]} <= answers_
    assert shots(data.train[::-1], data.test, FewShot(k=3), seed=1)[0] == turns
    assert shots(data.train, data.test, FewShot(k=3), seed=2)[0] != turns


def test_an_answer_that_fails_is_counted_and_tried_again(suite, tmp_path, monkeypatch):
    from benchmark.backends import hf

    generate = hf.LoadedModel.generate
    calls = []

    def broken(self, batch, decoding, tick):
        calls.append(len(batch))
        if len(calls) == 2:
            raise RuntimeError("the driver\nhas gone")
        return generate(self, batch, decoding, tick)

    with monkeypatch.context() as fault:
        fault.setattr(hf.LoadedModel, "generate", broken)
        results = go(suite, tmp_path)
    base = results.candidates[0]
    assert (base.answered, base.failed) == (7, 3)
    assert results.score("base", "rougeL").n == 7
    assert results.comparison("oracle", "rougeL").n == 7
    assert results.exit_code == 4
    folder = tmp_path / "reports" / "tiny" / results.run_id / "generations"
    errors = [row.error for row in read(folder / "base.jsonl", Generation) if row.error]
    assert errors == ["RuntimeError: the driver has gone"] * 3

    mended = go(suite, tmp_path)
    assert mended.candidates[0].answered == 10 and mended.exit_code == 0
    assert mended.computed["generated"] == 1  # only base had to go on


def child(suite, tmp_path, cache, **extra):
    return subprocess.Popen(
        [sys.executable, "-m", "benchmark", "run", str(suite.path), "--json",
         "--reports", str(tmp_path / "reports")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "BENCH_CACHE": str(cache), "OMP_NUM_THREADS": "1", **extra},
    )  # fmt: skip


def answers(reports):
    folder = next(path for path in (reports / "tiny").iterdir() if path.name != "latest")
    return {
        file.name: [row.model_copy(update={"seconds": 0.0}) for row in read(file, Generation)]
        for file in (folder / "generations").iterdir()
    }


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(suite, tmp_path, end):
    whole = child(suite, tmp_path / "a", tmp_path / "cache-a")
    assert whole.communicate()[0] and whole.returncode == 0

    cut = child(suite, tmp_path / "b", tmp_path / "cache-b")
    generations = tmp_path / "cache-b" / "generations"
    deadline = time.monotonic() + 120
    while cut.poll() is None and time.monotonic() < deadline:
        if generations.is_dir() and any(generations.glob("*.partial")):
            break
        time.sleep(0.005)
    cut.send_signal(end)
    errors = cut.communicate()[1]
    if end == signal.SIGINT:
        assert cut.returncode == 130, errors
        assert "the same command goes on" in errors and "Traceback" not in errors

    resumed = child(suite, tmp_path / "b", tmp_path / "cache-b")
    output, errors = resumed.communicate()
    assert resumed.returncode == 0, errors
    results = Results.model_validate_json(output)
    assert results.status == "complete"
    assert answers(tmp_path / "a" / "reports") == answers(tmp_path / "b" / "reports")


METHODS = ("lora", "rslora", "dora", "qlora", "ia3", "prefix", "prompt", "full")


@pytest.mark.filterwarnings("ignore:Position ids are not supported")
def test_every_method_trains_and_answers_in_one_run(suite, tmp_path):
    """What `suites/legi-methods.yaml` does, with a tiny model."""
    path = suite.path
    content = yaml.safe_load(path.read_text())
    # 4-bit weights come in blocks of 64.
    content["backend"]["model"] = str(tiny.build(tmp_path / "wide", width=64))
    rates = {"ia3": 0.1, "prefix": 0.3, "prompt": 0.3}
    content["candidates"] = {"base": None, "few-shot": {"few_shot": 2}} | {
        name: {"train": {"method": name, "epochs": 1, "learning_rate": rates.get(name, 0.05)}}
        for name in METHODS
    }
    del content["gates"]
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    results = go(suite, tmp_path)
    trained = {card.name: card for card in results.candidates if card.training}
    assert set(trained) == set(METHODS)
    assert {name: card.error for name, card in trained.items() if card.error} == {}
    assert all(card.answered == 10 for card in results.candidates)
    assert {card.training.method for card in trained.values()} == set(METHODS)
    page = (tmp_path / "reports" / "tiny" / results.run_id / "report.html").read_text()
    assert all(name in page for name in METHODS)
    again = go(suite, tmp_path)
    assert again.computed["trained"] == again.computed["generated"] == 0


def test_too_few_solved_examples_show_before_anything_is_trained(suite, tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr("benchmark.core.run.train", lambda *a: trained.append(a))
    with pytest.raises(DataError, match=r"few_shot asks for 2"):
        go(suite, tmp_path, "candidates.few-shot.few_shot.max_chars=3")
    assert not trained
