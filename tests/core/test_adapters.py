"""The registry of adapters: found by many names, compared, and told how they have done."""

from __future__ import annotations

import json
import shutil

import pytest
import tiny
import tiny_adapters
import yaml

from benchmark import load_suite, make_plan, run
from benchmark.core import adapters
from benchmark.core.preview import preview
from benchmark.core.store import Cache
from benchmark.errors import StoreError
from benchmark.manifests import AdapterEvaluation
from benchmark.progress import Silent

FIRST, SECOND = "1a2b" + "0" * 28, "1a3c" + "0" * 28


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    return tiny_adapters.build(base, tmp_path_factory.mktemp("adapter"))


def put(adapter, base, key, **changes):
    """Put a described copy of an adapter into the cache."""
    folder = shutil.copytree(adapter, Cache().path("adapters", key))
    tiny_adapters.describe(folder, base, key, **changes)
    return folder


@pytest.fixture
def two(adapter, base):
    put(adapter, base, FIRST)
    put(
        adapter, base, SECOND,
        created="2026-11-21T10:00:00+00:00", parameters={"r": 8, "alpha": 32.0, "peft": {}},
        data_sha256="e" * 64, eval_loss=2.5, versions={"peft": "0.22"},
    )  # fmt: skip


def evaluation(**changes):
    values = {
        "suite": "tiny", "run_id": "r1", "candidate": "lora", "finished": "2026-11-21T10:00:00",
        "n": 10, "scores": {"rougeL": (0.5, 0.4, 0.6)}, "changed": 1.0, "verdict": "pass",
    }  # fmt: skip
    return AdapterEvaluation(**values | changes)


# --- finding --------------------------------------------------------------------------------


def test_the_newest_come_first_and_only_adapters_are_listed(two, tmp_path):
    cache = Cache().path("adapters", "x").parent
    (cache / f"{FIRST}.lock").touch()
    (cache / ".writing-abc").mkdir()
    (cache / f"{'9' * 32}.damaged").mkdir()
    found = adapters.entries()
    assert [entry.key for entry in found] == [SECOND, FIRST]
    assert all(entry.manifest and entry.size > 10_000 and not entry.problem for entry in found)


def test_an_empty_cache_has_none():
    assert adapters.entries() == []
    with pytest.raises(StoreError, match="no adapter '1a'; the cache has none; `bench run`"):
        adapters.find("1a")


def test_one_that_is_damaged_hides_no_other(two):
    (Cache().path("adapters", FIRST) / "manifest.json").write_text("{")
    found = {entry.key: entry for entry in adapters.entries()}
    assert "is not a manifest of this version" in found[FIRST].problem
    assert found[SECOND].manifest and not found[SECOND].problem


@pytest.mark.parametrize("name", ["1a2", "1a2b0000", FIRST, "cache:1a2b"])
def test_by_the_first_digits_of_the_key(two, name):
    assert adapters.find(name).key == FIRST


def test_by_folder(two, adapter):
    inside = adapters.find(str(Cache().path("adapters", FIRST)))
    outside = adapters.find(str(adapter))
    assert (inside.key, outside.key) == (FIRST, "")
    assert outside.manifest is None and outside.path == adapter


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("1a", "'1a' begins 2 keys: 1a2b0000, 1a3c0000; give more digits"),
        ("1a4b", "no adapter '1a4b'; near: 1a2b0000"),
        ("cache:zzzz", "no adapter 'zzzz'; `bench adapters` lists them"),
        ("cache:", "no adapter ''"),
        ("absent:lora", "no finished run of 'absent' in .*; `bench leaderboard` lists"),
        ("../etc", "no adapter '../etc'"),
    ],
)
def test_what_is_not_there(two, tmp_path, name, message):
    with pytest.raises(StoreError, match=message):
        adapters.find(name, tmp_path)


# --- differences ----------------------------------------------------------------------------


def test_what_differs_and_nothing_else(two):
    found = adapters.diff(adapters.find(FIRST), adapters.find(SECOND))
    assert {row.field: (row.left, row.right) for row in found} == {
        "key": (FIRST, SECOND),
        "data_sha256": ("d" * 64, "e" * 64),
        "parameters.r": (4, 8),
        "versions.peft": ("0.21.2", "0.22"),
        "eval_loss": (3.0, 2.5),
        "created": ("2026-11-20T10:00:00+00:00", "2026-11-21T10:00:00+00:00"),
    }
    assert adapters.diff(adapters.find(FIRST), adapters.find(FIRST)) == []


def test_scores_differ_too(two):
    for key, value in ((FIRST, 0.5), (SECOND, 0.7)):
        row = evaluation(scores={"rougeL": (value, None, None), "same": (1.0, None, None)})
        path = Cache().path("adapters", key) / "evaluations.jsonl"
        path.write_text(row.model_dump_json() + "\n")
    rows = adapters.diff(adapters.find(FIRST), adapters.find(SECOND))
    found = {row.field: (row.left, row.right) for row in rows}
    assert found["scores.tiny.rougeL"] == (0.5, 0.7)
    assert "scores.tiny.same" not in found


# --- in a run -------------------------------------------------------------------------------


@pytest.fixture
def suite(tmp_path, base):
    """Return a function that loads a suite of one base and one trained candidate."""
    rows = [
        {
            "id": str(n),
            "prompt": f"Que dit l'article L{n}-{n % 7} ?",
            "completion": f"Article L{n}-{n % 7} : la durée est de {n} heures.",
        }
        for n in range(24)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    content = {
        "suite": "tiny",
        "dataset": {"use": "jsonl", "path": str(tmp_path / "rows.jsonl")},
        "split": {"train": 12, "validation": 0, "test": 6},
        "leaks": {"tolerance": 1.0},
        "backend": {"use": "hf", "model": str(base), "dtype": "float32"},
        "generation": {"max_new_tokens": 6},
        "candidates": {
            "base": None,
            "lora": {"train": {"r": 4, "learning_rate": 0.01, "batch_size": 4}},
        },
        "baseline": "base",
        "metrics": {"rouge": None},
        "gates": {"floor": {"score": "rougeL", "floor": 0.0}},
        "reports": {"json": None},
        "resamples": 200,
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return lambda *overrides: make_plan(load_suite(tmp_path / "tiny.yaml", overrides))


def test_runs_are_written_beside_the_adapter_once_each(suite, tmp_path):
    reports = tmp_path / "reports"
    first = run(suite(), reports=reports)
    entry = adapters.find("tiny:lora", reports)
    card = first.candidates[1]
    score = first.score("lora", "rougeL")
    (row,) = entry.evaluations
    assert (row.suite, row.run_id, row.candidate) == ("tiny", first.run_id, "lora")
    assert (row.n, row.changed, row.finished) == (6, card.changed, first.finished)
    assert row.scores["rougeL"] == (score.value, score.low, score.high)
    assert row.verdict == first.gates[0].outcome

    run(suite(), reports=reports)  # the same run again replaces its line
    assert len(adapters.find("tiny:lora", reports).evaluations) == 1
    other = run(suite("limit=4"), reports=reports)
    rows = adapters.find("tiny:lora", reports).evaluations
    assert [row.run_id for row in rows] == [first.run_id, other.run_id]

    with pytest.raises(StoreError, match=r"has no candidate 'lroa'; it has: lora"):
        adapters.find("tiny:lroa", reports)
    with pytest.raises(StoreError, match=r"trained no adapter for 'base'; it has: lora"):
        adapters.find("tiny:base", reports)


def test_a_broken_list_of_evaluations_is_put_aside_not_lost(suite, tmp_path):
    run(suite(), reports=tmp_path / "reports")
    (entry,) = adapters.entries()
    path = entry.path / "evaluations.jsonl"
    path.write_text('{"suite": 1}\n')
    assert "cannot be read" in adapters.entries()[0].problem
    run(suite(), reports=tmp_path / "reports")
    assert len(adapters.entries()[0].evaluations) == 1
    assert path.with_suffix(".damaged").read_text() == '{"suite": 1}\n'


def test_a_suite_can_name_an_adapter_of_the_cache(suite, tmp_path):
    trained = run(suite(), reports=tmp_path / "reports")
    key = adapters.entries()[0].key
    plan = suite("candidates.lora={train: null, adapter: 'cache:" + key[:6] + "'}")
    again = run(plan, reports=tmp_path / "reports")
    assert again.computed["trained"] == 0
    assert again.score("lora", "rougeL") == trained.score("lora", "rougeL")
    assert again.candidates[1].training.key == key
    assert len(adapters.entries()[0].evaluations) == 2
    assert preview(plan, Silent())[-2].state == "cached"


def test_a_wrong_adapter_is_refused_before_anything_is_trained(suite, adapter, base, tmp_path):
    folder = shutil.copytree(adapter, tmp_path / "foreign")
    tiny_adapters.describe(folder, base, FIRST, base_sha256="f" * 64)
    said = []

    class Listening(Silent):
        def step(self, label, **settings):
            said.append(label)
            return super().step(label, **settings)

        def say(self, text):
            said.append(text)

    plan = suite(f"candidates.foreign={{adapter: {folder}}}")
    results = run(plan, reports=tmp_path / "reports", progress=Listening())
    error = next(card.error for card in results.candidates if card.name == "foreign")
    assert "was trained on" in error and results.exit_code == 4
    refused = next(at for at, text in enumerate(said) if text.startswith("foreign: "))
    assert refused < next(at for at, text in enumerate(said) if text.startswith("lora: train lora"))


def test_the_answers_of_an_adapter_follow_its_settings(suite, adapter, tmp_path):
    """The same weights under another alpha are another adapter: no false hit in the cache."""
    folder = shutil.copytree(adapter, tmp_path / "foreign")
    plan = suite(f"candidates.lora={{train: null, adapter: {folder}}}")
    run(plan, reports=tmp_path / "reports")
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": 64}))
    assert run(plan, reports=tmp_path / "reports").computed["generated"] == 1
