"""The embedded default as a person runs it: real corpus, real model, real training.

Fetches what it needs into the user's cache (or `BENCH_CACHE`) and takes about five minutes on
two cores where nothing is cached yet; after `tox -e legi` it takes seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.references import cache_root
from benchmark.results import Results

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
JUDGE = "same-facts"
CANDIDATES = {"base", "few-shot", "lora", "echo", "oracle", "shuffled"}


def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line at the repository's root; progress goes to the terminal."""
    command = [sys.executable, "-m", "benchmark", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Share what is slow to make with the user's cache; scores are made here."""
    folder = tmp_path_factory.mktemp("cache")
    for kind in ("packages", "models", "adapters", "generations", "verdicts"):
        shared = cache_root() / kind
        shared.mkdir(parents=True, exist_ok=True)
        (folder / kind).symlink_to(shared, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(folder))
        yield


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for run folders."""
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def run(reports: Path) -> tuple[Results, Path]:
    """Return what `bench run suites/legi.yaml` found, and its folder."""
    done = bench("run", "suites/legi.yaml", "--reports", reports)
    assert done.returncode == 0, done.stdout
    folder = (reports / "legi" / "latest").resolve()
    assert done.stdout.rstrip().endswith("report.html")  # the path of the report comes last
    return Results.model_validate_json((folder / "results.json").read_bytes()), folder


def test_complete_and_passed(run: tuple[Results, Path]) -> None:
    found, _ = run
    assert (found.status, found.verdict, found.exit_code) == ("complete", "pass", 0)
    assert {card.name for card in found.candidates} == CANDIDATES
    assert {card.failed for card in found.candidates} == {0}
    assert found.dataset.test == 32
    assert {row.n for row in found.scores if row.metric != JUDGE} == {32}
    judged = {row.candidate: row.n for row in found.scores if row.metric == JUDGE and row.n}
    assert judged == {"base": 12, "few-shot": 12, "lora": 12}


def test_a_small_judge_is_not_trusted_and_the_report_says_why(run: tuple[Results, Path]) -> None:
    found, folder = run
    (trust,) = found.trust
    assert (trust.judge, trust.trusted, trust.failed) == (JUDGE, False, 0)
    assert "same-facts is not trusted" in (folder / "report.md").read_text(encoding="utf-8")


def test_articles_that_are_cited_are_looked_up(run: tuple[Results, Path]) -> None:
    found, folder = run
    # Not 0: one reference names an article that had been repealed when the source was made.
    rate = found.score("oracle", "hallucinated_citation_rate").value
    assert rate is not None and rate < 0.05
    assert found.score("oracle", "citation_f1").value == 1
    lines = (folder / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    cited = [one for row in rows if row["candidate"] == "oracle" for one in row["citations"]]
    assert cited
    assert {one["verdict"] for one in cited} & {"in force"}


def test_lora_beats_base_by_more_than_chance(run: tuple[Results, Path]) -> None:
    found, _ = run
    gain = found.comparison("lora", "rougeL")
    assert gain.low is not None
    assert gain.low > 0
    assert gain.p is not None
    assert gain.p < 0.05


def test_everybody_has_a_citation_accuracy(run: tuple[Results, Path]) -> None:
    found, _ = run
    shown = {name: found.score(name, "citation_accuracy").value for name in CANDIDATES}
    assert all(value is not None for value in shown.values())
    # The prompt names the article: repeating the prompt is enough for this metric.
    assert shown["echo"] is not None
    assert shown["echo"] > 0.8


def test_controls_mark_floor_and_ceiling(run: tuple[Results, Path]) -> None:
    found, _ = run
    assert found.score("oracle", "rougeL").value == pytest.approx(1.0)
    assert found.score("oracle", "exact_match").value == 1.0
    assert found.score("shuffled", "exact_match").value == 0.0


def test_every_number_is_signed_and_has_its_interval(run: tuple[Results, Path]) -> None:
    found, _ = run
    for row in found.scores:
        assert row.signature
        if row.score == "quote_fidelity" or not row.n:
            continue  # nobody quotes an article; controls are not judged
        assert row.value is not None
        assert row.low is not None
        assert row.high is not None
        assert row.low <= row.value <= row.high


def test_the_adapter_says_what_it_was_made_from(run: tuple[Results, Path]) -> None:
    found, _ = run
    (card,) = [card for card in found.candidates if card.name == "lora"]
    manifest = card.training
    assert manifest is not None
    assert (manifest.rows, manifest.rows_without_loss) == (96, 0)
    assert manifest.trainable_parameters < manifest.total_parameters / 10
    assert manifest.curve[-1].loss < manifest.curve[0].loss
    assert min(manifest.seconds, manifest.tokens) > 0


def test_no_article_is_on_two_sides(run: tuple[Results, Path]) -> None:
    from benchmark import load_suite, make_plan
    from benchmark.core.data import load_data
    from benchmark.progress import Silent

    _, folder = run
    data = load_data(make_plan(load_suite(ROOT / "suites" / "legi.yaml")), Silent())
    sides = [{row.group for row in side} for side in (data.train, data.validation, data.test)]
    assert all(sides)
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    written = (folder / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["group"] for line in written} == sides[2]


def test_reports_are_written(run: tuple[Results, Path]) -> None:
    _, folder = run
    for name in ("report.html", "report.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "lora" in text
        assert "citation_accuracy" in text
    for name in CANDIDATES:
        rows = (folder / "generations" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(rows) == 32


def test_the_same_command_computes_nothing(run: tuple[Results, Path], reports: Path) -> None:
    found, folder = run
    done = bench("run", "suites/legi.yaml", "--reports", reports, "--json")
    again = Results.model_validate_json(done.stdout)
    assert done.returncode == 0
    assert set(again.computed.values()) == {0}
    assert again.run_id == folder.name
    assert (again.scores, again.comparisons, again.gates) == (
        found.scores,
        found.comparisons,
        found.gates,
    )


def test_one_metric_parameter_recomputes_that_metric(
    run: tuple[Results, Path], reports: Path
) -> None:
    change = "metrics.rouge.stemmer=true"
    done = bench("run", "suites/legi.yaml", change, "--reports", reports, "--json")
    computed = json.loads(done.stdout)["computed"]
    assert computed == {"trained": 0, "generated": 0, "scored": len(CANDIDATES), "judged": 0}


def test_one_training_parameter_concerns_that_candidate_alone(
    run: tuple[Results, Path], reports: Path
) -> None:
    done = bench(
        "run",
        "suites/legi.yaml",
        "candidates.lora.train.r=3",
        "--reports",
        reports,
        "--dry-run",
        "--json",
    )
    steps: list[dict[str, Any]] = json.loads(done.stdout)
    todo = {step["name"] for step in steps if step["state"] == "to do"} - {"score"}
    assert todo == {"train lora", "generate lora"}
