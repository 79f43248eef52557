"""The report of `suites/legi-candidates.yaml` says who cites best, by how much, at what cost."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest
import yaml

from benchmark import load_suite, make_plan, run
from benchmark.reporters import board, winner

SUITE = Path(__file__).resolve().parents[2] / "suites" / "legi-candidates.yaml"
COUNT = 24


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Run the suite's own candidates and gates on answers that were made elsewhere.

    The n-th model cites the right article in n answers of 24 more than the one before it.
    """
    folder = tmp_path_factory.mktemp("winner")
    real = load_suite(SUITE)
    models = [name for name, spec in real.candidates.items() if not spec.backend]
    assert {"base", "few-shot", "rag", "lora", "lora-rag"} <= set(models)
    data = folder / "rows.jsonl"
    rows = [
        {
            "id": str(n),
            "prompt": f"Que dit l'article L{n}-1 ?",
            "completion": f"Article L{n}-1 : oui.",
        }
        for n in range(COUNT)
    ]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    candidates = {}
    for at, name in enumerate(models):
        path = folder / f"{name}.jsonl"
        right = 3 * (at + 1)
        answers = (
            {"id": str(n), "text": f"Article L{n if n < right else 900}-1 : oui.", "seconds": 2,
             "tokens_in": 10, "tokens_out": 5}
            for n in range(COUNT)
        )  # fmt: skip
        path.write_text("".join(json.dumps(row) + "\n" for row in answers))
        candidates[name] = {"backend": {"use": "replay", "path": str(path)}}
    gate = real.gates["citations-hold"].model_dump(mode="json", exclude_defaults=True)
    content = {
        "suite": "legi-candidates",
        "dataset": {"use": "jsonl", "path": str(data)},
        "split": {"train": 0, "validation": 0, "test": COUNT},
        "checks": {"stop_on": "never"},
        "leaks": {"tolerance": 1.0},
        "backend": {"use": "echo"},
        "candidates": candidates,
        "baseline": real.baseline,
        "metrics": {"rouge": None, "citation_accuracy": None},
        "primary": real.primary,
        "gates": {"citations-hold": gate},
        "resamples": 500,
        "reports": {"markdown": None, "html": None},
    }
    path = folder / "suite.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    results = run(make_plan(load_suite(path)), reports=folder / "reports")
    return results, folder / "reports" / "legi-candidates" / results.run_id, models


def test_one_sentence_says_who_wins_on_citations_by_how_much(done):
    results, folder, models = done
    best, following = models[-1], models[-2]
    mine = results.score(best, "citation_accuracy")
    change = results.comparison(best, "citation_accuracy")
    assert mine.value == pytest.approx(3 * len(models) / COUNT)
    expected = (
        f"On citation_accuracy, {best} is best: {mine.value:.3f} "
        f"[{mine.low:.3f}, {mine.high:.3f}], +{change.difference:.3f} "
        f"(95 % interval [+{change.low:.3f}, +{change.high:.3f}]) from "
        f"{results.baseline}, p < 0.001, n={COUNT}; next is {following} with "
        f"{3 * (len(models) - 1) / COUNT:.3f}."
    )
    assert change.p_adjusted < 0.001
    for name in ("report.md", "report.html"):
        said = html.unescape((folder / name).read_text()).replace("\\", "").replace("\u202f", " ")
        assert expected in said.replace("\u00a0", " ").replace("&lt;", "<")


def test_one_sentence_says_what_each_took(done):
    _, folder, models = done
    said = (folder / "report.md").read_text().replace("\\", "").replace("\u202f", " ")
    (line,) = [line for line in said.splitlines() if line.startswith("- What each took:")]
    for name in models:
        assert f"{name} 48 s of answers (360 tokens)" in line.replace("\u00a0", " ")


def test_equals_share_the_place_and_one_contender_needs_no_sentence(done):
    results, _, models = done
    even = results.model_copy(
        update={
            "scores": tuple(
                row.model_copy(update={"value": 0.5}) if row.candidate in models[-2:] else row
                for row in results.scores
                if row.score == "citation_accuracy"
            ),
            "primary": "citation_accuracy",
        }
    )
    even = even.model_copy(
        update={
            "scores": tuple(
                row for row in even.scores if row.candidate in models[-2:] or row.value < 0.5
            )
        }
    )
    (first, _) = winner.sentences(board.build(even))
    assert first == f"On citation_accuracy, the best are even: {models[-2]}, {models[-1]} (0.500)."
    few = results.model_copy(
        update={
            "candidates": tuple(c for c in results.candidates if c.name in ("base", models[-1]))
        }
    )
    assert winner.sentences(board.build(few)) == []
