"""Model cards: read back by `huggingface_hub`, of adapters of ours and of others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from across import answers, change, ran
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import build as build_model
from tiny_adapters import build, describe

from benchmark.core.adapters import find
from benchmark.core.card import card
from benchmark.core.finished import read_results
from benchmark.errors import ConfigError
from benchmark.manifests import AdapterEvaluation

KEY = "ab" * 16


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Return the tiny model's folder."""
    return build_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def foreign(base, tmp_path_factory):
    """Return an adapter as PEFT saves it, with nothing of ours beside it."""
    return build(base, tmp_path_factory.mktemp("adapter") / "somebody's adapter")


@pytest.fixture
def ours(base, foreign, tmp_path):
    """Return the same adapter with a manifest, as training leaves it."""
    folder = tmp_path / "ours"
    folder.mkdir()
    for path in foreign.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    describe(folder, base, KEY, base="organisation/a-base@main", method="rslora")
    return folder


@pytest.fixture
def run(ours, tmp_path):
    """Return a run whose candidate `tuned` is this adapter."""
    folder = ran(tmp_path, answers(9))
    with_training(folder, json.loads((ours / "manifest.json").read_text(encoding="utf-8")))
    return folder


def with_training(folder: Path, manifest: dict[str, object]) -> None:
    """Say in a run's results that `tuned` was trained."""
    record = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    for one in record["candidates"]:
        if one["name"] == "tuned":
            one["training"] = manifest
    change(folder, candidates=record["candidates"])


def index(text: str) -> list[tuple[str, float, list[float]]]:
    """Return (number, value, interval) of a card's model-index, read twice over."""
    data = yaml.safe_load(text.split("\n---\n", maxsplit=1)[0].removeprefix("---\n"))
    _, flat = model_index_to_eval_results(data["model-index"])
    read = ModelCard(text).data.eval_results
    assert read == flat
    return [(row.metric_name, row.metric_value, row.metric_args["interval_95"]) for row in read]


def test_the_evaluation_is_in_the_metadata(ours, run, tmp_path):
    text = card(find(str(ours)), tmp_path / "reports", license="apache-2.0", language=("fr",))
    data = ModelCard(text).data
    results = read_results(run)
    assert index(text) == [
        (row.score, row.value, [row.low, row.high])
        for row in results.scores
        if row.candidate == "tuned"
    ]
    assert data.base_model == "organisation/a-base"
    assert (data.library_name, data.pipeline_tag) == ("peft", "text-generation")
    assert (data.language, data.license) == (["fr"], "apache-2.0")
    assert data.tags == ["rslora", "base_model:adapter:organisation/a-base", "bench"]
    first = data.eval_results[0]
    assert (first.dataset_name, first.dataset_split) == ("jardin", "test")
    assert first.dataset_args == {"examples": 12, "test_sha256": results.dataset.test_sha256}
    assert first.metric_args["n"] == 12
    for head in ("Evaluation", "How it was trained", "Limits", "Leaks from test to train",
                 "How to run it again"):  # fmt: skip
        assert f"\n## {head}\n" in text
    assert "| levenshtein ↓ |" in text
    assert results.fingerprint in text
    assert "`organisation/a-base@main`" in text


def test_a_run_by_its_name_and_one_that_did_not_evaluate_it(ours, run, tmp_path):
    entry, reports = find(str(ours)), tmp_path / "reports"
    assert card(entry, reports, run.name) == card(entry, reports)
    other = ran(tmp_path, answers(5), name="potager")
    with pytest.raises(
        ConfigError, match=f"ours did not answer in run {other.name} of 'potager'; "
    ):
        card(entry, reports, str(other))
    (other / "results.json").write_text("{", encoding="utf-8")  # not this card's business
    assert card(entry, reports) == card(entry, reports, run.name)


def test_an_adapter_of_somebody_else_that_nobody_evaluated(foreign, tmp_path):
    text = card(find(str(foreign)), tmp_path / "reports")
    data = ModelCard(text).data.to_dict()
    assert "model-index" not in data
    assert data == {
        "library_name": "peft", "pipeline_tag": "text-generation", "tags": ["lora", "bench"],
    }  # fmt: skip
    assert "No run has evaluated it: nothing is known of how well it answers." in text
    # Where the base lies on this disk is nobody's business.
    assert str(foreign.parent) not in text
    assert "How it was trained" not in text


def test_a_run_whose_folder_is_gone(ours, tmp_path):
    (ours / "evaluations.jsonl").write_text(
        AdapterEvaluation(
            suite="jardin", run_id="r1", candidate="tuned", finished="2026-11-20", n=12,
            scores={"rougeL": (0.5, 0.4, 0.6), "bad": (None, None, None)}, changed=1.0,
            verdict="pass",
        ).model_dump_json() + "\n",
        encoding="utf-8",
    )  # fmt: skip
    text = card(find(str(ours)), tmp_path / "reports")
    assert index(text) == [("rougeL", 0.5, [0.4, 0.6])]
    assert "whose folder is not at hand" in text
    assert "| rougeL | 0.500 | [0.400, 0.600] |" in text


def test_a_file_and_stdout_are_the_same(ours, run, tmp_path, monkeypatch, capsys):
    from benchmark.cli.card import command

    monkeypatch.chdir(tmp_path)
    command([str(ours), "-o", "x/README.md"], standalone_mode=False)
    assert capsys.readouterr().out == "wrote x/README.md\n"
    command([str(ours), run.name], standalone_mode=False)
    assert capsys.readouterr().out == (tmp_path / "x" / "README.md").read_text(encoding="utf-8")


odd = st.text(
    alphabet=st.sampled_from("a: -#&*!|>%@`'\"{}[],?\n\t\\~é<\x00\x1b\u202e"), max_size=20
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(odd, odd, odd)
def test_names_with_the_signs_of_yaml(ours, run, name, suite, score):
    """Whatever things are called, the card reads back, and ends its metadata where it should."""
    results = read_results(run)
    whole = (run / "results.json").read_text(encoding="utf-8")
    rows = [row.model_dump(mode="json") for row in results.scores]
    rows = [{**row, "score": score + row["score"], "metric": name or "m"} for row in rows]
    change(run, suite=suite, primary=score + results.primary, scores=rows)
    entry = find(str(ours))
    made = entry.manifest.model_copy(update={"base": name or "b", "method": suite or "lora"})
    try:
        text = card(entry.model_copy(update={"manifest": made}), run.parent.parent, str(run))
    finally:
        (run / "results.json").write_text(whole, encoding="utf-8")
    values = [row.value for row in results.scores if row.candidate == "tuned"]
    assert [value for _, value, _ in index(text)] == values
    _, _, body = text.partition("\n---\n")
    assert body.startswith("\n# ")
    assert not set("\x00\x1b\u202e") & set(text)
