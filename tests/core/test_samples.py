"""Several samples of each answer: what is asked, kept, scored, judged and said of them."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
import tiny
import yaml

from benchmark import load_suite, make_plan, run
from benchmark.core.baseline import from_run
from benchmark.core.regate import read_run, regate, report_of
from benchmark.errors import ConfigError
from benchmark.records import Example, Generation, Score, Verdict

WORDS = "le salarié bénéficie d'un repos quotidien de onze heures consécutives".split()
COUNT, SAMPLES = 12, 3


def texts(seed):
    """Return answers to all examples: (example, sample) -> text."""
    dice = random.Random(seed)
    return {
        (str(n), at): " ".join(dice.sample(WORDS, dice.randint(3, len(WORDS))))
        for n in range(COUNT)
        for at in range(SAMPLES)
    }


def write(path, answers, samples):
    rows = [
        {"id": name, "text": answers[name, at]} for at in samples for name, _ in answers if _ == 0
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def suite(tmp_path):
    """Return a function that runs a suite of answers from files, with overrides."""
    data = tmp_path / "rows.jsonl"
    rows = (
        {
            "id": str(n),
            "prompt": f"Question {n} ?",
            "completion": " ".join(WORDS),
            "group": str(n // 2),
        }
        for n in range(COUNT)
    )
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def go(files, count, **more):
        content = {
            "suite": "drawn",
            "dataset": {"use": "jsonl", "path": str(data)},
            "split": {"train": 0, "validation": 0, "test": COUNT},
            "leaks": {"tolerance": 1.0},
            "checks": {"stop_on": "never"},
            "backend": {"use": "echo"},
            "generation": {"samples": count},
            "candidates": {
                name: {"backend": {"use": "replay", "path": path}} for name, path in files.items()
            } | {"echo": None},
            "baseline": "one",
            "metrics": {"rouge": None, "bleu": None, "levenshtein": None},
            "judges": {"mentions": {"use": "fixed", "needle": "repos"}},
            "judging": {"canaries": 0},
            "gates": {"holds": {"score": "levenshtein", "candidates": ["two"], "max_drop": 0.5}},
            "resamples": 500,
            "reports": {"json": None, "markdown": None, "html": None},
        } | more  # fmt: skip
        path = tmp_path / "drawn.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return run(make_plan(load_suite(path)), reports=tmp_path / "reports")

    return go


def read(path, record):
    return [record.model_validate_json(line) for line in path.read_text().splitlines()]


def test_a_score_is_the_mean_of_the_runs_that_the_samples_would_be(suite, tmp_path):
    """Expected: each sample as a run of its own; the mean, and numpy's deviation, of those."""
    one, two = texts(1), texts(2)
    alone = []
    for at in range(SAMPLES):
        files = {
            "one": write(tmp_path / f"one{at}.jsonl", one, [at]),
            "two": write(tmp_path / f"two{at}.jsonl", two, [at]),
        }
        alone.append(suite(files, 1))
    files = {
        "one": write(tmp_path / "one.jsonl", one, range(SAMPLES)),
        "two": write(tmp_path / "two.jsonl", two, range(SAMPLES)),
    }
    results = suite(files, SAMPLES)
    for candidate in ("one", "two"):
        for score in ("rougeL", "levenshtein", "bleu", "mentions"):
            values = [each.score(candidate, score).value for each in alone]
            found = results.score(candidate, score)
            assert found.spread == pytest.approx(np.std(values, ddof=1)), score
            assert found.n == COUNT and found.failed == 0
            if score != "bleu":  # of a corpus, and no mean of anything
                assert found.value == pytest.approx(np.mean(values)), score
    # The article is what is counted: 6 clusters however often each was asked about.
    assert results.comparison("two", "rougeL").clusters == COUNT // 2
    assert results.comparison("two", "rougeL").n == COUNT
    cards = {card.name: card for card in results.candidates}
    assert (cards["one"].answered, cards["one"].samples) == (COUNT * SAMPLES, SAMPLES)
    assert (cards["echo"].answered, cards["echo"].samples) == (COUNT, 1)

    folder = tmp_path / "reports" / "drawn" / results.run_id
    made = read(folder / "generations" / "one.jsonl", Generation)
    assert {(row.example_id, row.sample): row.text for row in made} == one
    scores = [row for row in read(folder / "scores.jsonl", Score) if row.candidate == "two"]
    assert len(scores) == COUNT * 4  # one an example and metric, the judge among them
    assert all(len(row.samples) == SAMPLES for row in scores)
    verdicts = [row for row in read(folder / "verdicts.jsonl", Verdict) if "two" in row.candidates]
    assert len(verdicts) == COUNT * SAMPLES
    opinion = next(row for row in results.verdicts if row.candidate == "two")
    assert opinion.value == pytest.approx(results.score("two", "mentions").value)
    for name in ("report.md", "report.html"):
        said = (folder / name).read_text()
        assert f"{COUNT} examples × {SAMPLES} samples" in said
        assert "From one sample to the next, rouge1 varies by" in said
        assert f"n={COUNT} × {SAMPLES}" in said

    # Read back from its folder, the run is the same.
    kept = read_run(folder, results)
    assert regate(kept, tmp_path / "reports").gates == results.gates
    report = report_of(kept, results, folder)
    assert [row.text for row in report.generations["one"]] == [
        one[row.id, 0] for row in report.examples
    ]
    assert len(report.others["one"]) == COUNT * (SAMPLES - 1)
    stats = from_run(folder, results).stats("two", "levenshtein")
    assert {row.example_id: row.stats for row in scores if row.metric == "levenshtein"} == stats


def test_equal_samples_promise_no_more_than_one(suite, tmp_path):
    same = {
        name: {at: text for at, text in texts(seed).items()}
        for name, seed in (("one", 1), ("two", 2))
    }
    same = {name: {(n, at): known[n, 0] for n, at in known} for name, known in same.items()}
    files = {name: write(tmp_path / f"{name}.jsonl", known, [0]) for name, known in same.items()}
    once = suite(files, 1)
    files = {
        name: write(tmp_path / f"{name}3.jsonl", known, range(SAMPLES))
        for name, known in same.items()
    }
    often = suite(files, SAMPLES)
    for one, other in zip(once.scores, often.scores, strict=True):
        assert (one.value, one.low, one.high, one.n) == (
            other.value,
            other.low,
            other.high,
            other.n,
        )
        assert one.spread is None
        assert other.spread == (None if other.candidate == "echo" else pytest.approx(0, abs=1e-12))
    for one, other in zip(once.comparisons, often.comparisons, strict=True):
        assert one == other


def test_a_sample_that_failed_is_counted_and_the_others_are_the_score(suite, tmp_path):
    one, two = texts(1), texts(2)
    path = tmp_path / "two.jsonl"
    rows = [
        {"id": name, "text": text} for (name, at), text in two.items() if (name, at) != ("3", 2)
    ]
    rows = [row for row in rows if row["id"] != "5"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = {"one": write(tmp_path / "one.jsonl", one, range(SAMPLES)), "two": str(path)}
    results = suite(files, SAMPLES)
    card = next(card for card in results.candidates if card.name == "two")
    assert (card.answered, card.failed) == (COUNT * SAMPLES - 4, 4)
    assert results.status == "incomplete"
    found = results.score("two", "levenshtein")
    assert (found.n, found.failed) == (COUNT - 1, 1)  # example 5 has no answer at all
    folder = tmp_path / "reports" / "drawn" / results.run_id
    rows = read(folder / "scores.jsonl", Score)
    scores = {
        row.example_id: row for row in rows if (row.candidate, row.metric) == ("two", "rouge")
    }
    assert scores["3"].samples[2] is None and None not in scores["3"].samples[:2]
    middle = [math.fsum(pair) / 2 for pair in zip(*scores["3"].samples[:2], strict=True)]
    assert scores["3"].stats == pytest.approx(middle)
    assert (scores["5"].stats, scores["5"].values) == (None, {})


def test_judges_may_look_at_some_of_the_samples(suite, tmp_path):
    files = {
        name: write(tmp_path / f"{name}.jsonl", texts(seed), range(SAMPLES))
        for name, seed in (("one", 1), ("two", 2))
    }
    results = suite(files, SAMPLES, judging={"canaries": 0, "samples": 2})
    folder = tmp_path / "reports" / "drawn" / results.run_id
    verdicts = [row for row in read(folder / "verdicts.jsonl", Verdict) if "two" in row.candidates]
    assert {row.samples for row in verdicts} == {(), (1,)}
    expected = ["repos" in texts(2)[str(n), at] for n in range(COUNT) for at in range(2)]
    assert len(verdicts) == len(expected)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"generation": {"samples": 4}}, "generation"),
        ({"candidates": {"m": {"generation": {"samples": 2}}}}, "candidates.m.generation"),
        (
            {
                "generation": {"samples": 4, "temperature": 0.7},
                "candidates": {"m": None, "n": {"generation": {"temperature": 0.0}}},
            },
            "candidates.n.generation",
        ),
        ({"generation": {"samples": 4, "temperature": 0.7}}, ""),
    ],
)
def test_several_samples_without_temperature_are_refused(tmp_path, changes, place):
    data = tmp_path / "rows.jsonl"
    data.write_text('{"id": "1", "prompt": "?", "completion": "!"}\n')
    content = {
        "suite": "s",
        "dataset": {"use": "jsonl", "path": str(data)},
        "backend": {"use": "hf", "model": str(tmp_path)},
        "candidates": {"m": None, "echo": {"backend": "echo"}},
        "metrics": {"rouge": None},
        "baseline": "m",
    } | changes
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    if not place:
        plan = make_plan(load_suite(path))
        assert [one.decoding.samples for one in plan.candidates] == [4, 1]
        assert plan.candidate("m").decoding.seed == plan.suite.seed
        return
    with pytest.raises(ConfigError) as caught:
        make_plan(load_suite(path))
    (problem,) = caught.value.problems
    assert problem.where.endswith(f": {place}")
    assert "temperature 0, which would all be alike" in problem.what


@pytest.mark.parametrize(("seed", "is_refused"), [(7, True), (None, False)])
def test_one_seed_for_all_samples_is_refused(tmp_path, seed, is_refused):
    data = tmp_path / "rows.jsonl"
    data.write_text('{"id": "1", "prompt": "?", "completion": "!"}\n')
    server = {"use": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    content = {
        "suite": "s",
        "dataset": {"use": "jsonl", "path": str(data)},
        "backend": server | {"extra": {"seed": seed}},
        "generation": {"samples": 2, "temperature": 0.7},
        "candidates": {"m": None},
        "metrics": {"rouge": None},
        "baseline": "m",
    }
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    if is_refused:
        with pytest.raises(ConfigError, match=r"`extra\.seed` gives all of them one seed"):
            make_plan(load_suite(path))
    else:
        assert make_plan(load_suite(path)).candidate("m").decoding.samples == 2


def test_a_model_s_samples_are_its_own_whatever_the_batches(tmp_path):
    data = tmp_path / "rows.jsonl"
    rows = (
        {"id": str(n), "prompt": f"Que dit L{n} ?", "completion": f"Le repos {n}."}
        for n in range(5)
    )
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = tiny.build(tmp_path / "model")

    def go(size, count, seed=3):
        content = {
            "suite": "tiny",
            "seed": seed,
            "dataset": {"use": "jsonl", "path": str(data)},
            "split": {"train": 0, "validation": 0, "test": 5},
            "checks": {"stop_on": "never"},
            "backend": {"use": "hf", "model": str(model), "dtype": "float32"},
            "generation": {
                "max_new_tokens": 6, "batch_size": size, "samples": count, "temperature": 1.2
            },
            "candidates": {"base": None},
            "baseline": "base",
            "metrics": {"levenshtein": None, "perplexity": None},
            "reports": {"json": None},
        }  # fmt: skip
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        results = run(make_plan(load_suite(path)), reports=tmp_path / "reports")
        assert results.status == "complete"
        # The references are read once, however many answers there are.
        assert results.score("base", "perplexity").n == 5
        folder = tmp_path / "reports" / "tiny" / results.run_id
        rows = read(folder / "generations" / "base.jsonl", Generation)
        order = [row.id for row in read(folder / "examples.jsonl", Example)]
        assert [row.example_id for row in rows] == order * count
        assert [row.sample for row in rows] == [at for at in range(count) for _ in order]
        return {(row.example_id, row.sample): row.text for row in rows}

    four = go(3, 4)
    assert len(set(four.values())) == 20
    assert go(20, 4) == four
    assert go(1, 2) == {which: text for which, text in four.items() if which[1] < 2}
    assert not set(go(20, 4, seed=4).values()) & set(four.values())
