"""What reports say of several seeds of one training, of samples, and of answers in batches."""

from __future__ import annotations

from html import unescape

import numpy as np
import pytest

from benchmark.plugins import Report
from benchmark.records import Effort
from benchmark.reporters import board as boards
from benchmark.reporters import sampled
from benchmark.reporters.html import Html
from benchmark.reporters.markdown import Markdown
from benchmark.results import Results

VALUES = {"lora-seed1": 0.91, "lora-seed2": 0.95, "lora-seed3": 0.87}


def with_seeds(results: Results, **changes: object) -> Results:
    """Return a run in which the one LoRA was trained with three seeds."""
    lora = next(card for card in results.candidates if card.name == "lora")
    assert lora.training is not None
    cards, scores = [], []
    for seed, (name, value) in enumerate(VALUES.items(), 1):
        parameters = {**lora.training.parameters, "seed": seed, **changes.get(name, {})}  # type: ignore[dict-item]
        made = lora.training.model_copy(update={"seed": seed, "parameters": parameters})
        cards.append(lora.model_copy(update={"name": name, "training": made}))
        scores += [
            row.model_copy(update={"candidate": name, "value": value})
            for row in results.scores
            if row.candidate == "lora" and row.score == results.primary
        ]
    rest = [card for card in results.candidates if card.name != "lora"]
    return results.model_copy(
        update={"candidates": (*rest, *cards), "scores": (*results.scores, *scores)}
    )


def test_seeds_of_one_training_are_taken_together(report: Report) -> None:
    results = with_seeds(report.results)
    (said,) = sampled.notes(boards.build(results))
    values = list(VALUES.values())
    assert "lora-seed2, lora-seed1, lora-seed3 differ in the seed of their training alone" in said
    assert f"citation_accuracy is {np.mean(values):.3f} on average" in said
    assert f"±{np.std(values, ddof=1):.3f} from one seed to the next" in said


def test_trainings_that_differ_in_more_are_not(report: Report) -> None:
    results = with_seeds(report.results, **{name: {"r": at} for at, name in enumerate(VALUES)})
    assert sampled.notes(boards.build(results)) == []
    assert sampled.notes(boards.build(report.results)) == []


@pytest.mark.parametrize(("checked", "same"), [(8, 7), (1, 1)])
def test_what_depends_on_the_batch_is_said(report: Report, checked: int, same: int) -> None:
    effort = Effort(
        device="cuda", dtype="bfloat16", threads=1, batches=2, largest=64,
        checked=checked, same=same,
    )  # fmt: skip
    cards = tuple(
        card.model_copy(update={"effort": effort}) if card.name == "lora" else card
        for card in report.results.candidates
    )
    results = report.results.model_copy(update={"candidates": cards})
    shown = Report(results, report.examples, report.generations, report.scores, report.folder)
    answers = "8 checked answers" if checked == 8 else "1 checked answer"
    expected = f"lora answered in bfloat16, at most 64 at once: {same} of {answers} are the same"
    for reporter in (Markdown(), Html()):
        path = reporter.write(shown)
        assert expected in unescape(path.read_text()).replace("\\", "")
