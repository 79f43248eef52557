"""What reports say of training and of general text, in HTML, Markdown and the terminal."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from benchmark.cli.show import command as show
from benchmark.manifests import Batching, LossPoint, TrainingManifest
from benchmark.plugins import Report
from benchmark.reporters import board as boards
from benchmark.reporters import curves, forgetting, plots, svg, training, verdict
from benchmark.reporters.console import Console
from benchmark.reporters.html import Html
from benchmark.reporters.markdown import Markdown
from benchmark.results import Results
from benchmark.side_results import ForgettingSummary

METHODS = ("lora", "dora", "qlora", "ia3", "prefix", "prompt", "full")
REASON = "the loss became NaN at step 14; lower the learning rate"
Draw = Callable[[Report], str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def plain(text: str) -> str:
    """Return a text whose spaces are all alike."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def in_html(report: Report) -> str:
    return plain(unescape(Html(samples=0).write(report).read_text("utf-8")))


def in_markdown(report: Report) -> str:
    text = Markdown(samples=0, full=True).write(report).read_text("utf-8")
    return plain(unescape(re.sub(r"\\([^\w\s])", r"\1", text)))  # without escapes


@pytest.fixture(params=["html", "markdown", "terminal"])
def draw(
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Draw:
    """Return what turns a report into text; a terminal's is wide enough for everything."""

    def in_terminal(report: Report) -> str:
        monkeypatch.setenv("COLUMNS", "400")
        Console().write(report)
        return plain(capsys.readouterr().out)

    return {"html": in_html, "markdown": in_markdown, "terminal": in_terminal}[request.param]


def changed(report: Report, name: str, **update: Any) -> Report:
    """Change the manifest of one candidate, or of all of them ("*")."""
    candidates = tuple(
        one.model_copy(update={"training": one.training.model_copy(update=update)})
        if one.training and name in ("*", one.name)
        else one
        for one in report.results.candidates
    )
    return replace(
        report, results=report.results.model_copy(update={"candidates": candidates})
    )  # fmt: skip


def manifest(report: Report, name: str) -> TrainingManifest:
    made = next(one.training for one in report.results.candidates if one.name == name)
    assert made is not None
    return made


def rows_of(report: Report) -> dict[str, training.Trained]:
    return {one.name: one for one in training.trained(boards.build(report.results))}


# --- the table ------------------------------------------------------------------------------


def test_every_method_stands_in_the_comparison(trained: Report, draw: Draw) -> None:
    text = draw(trained)
    for method in METHODS:
        assert f"smol-{method}" in text
    for said in (
        "4.88 M", "19.6 MB", "46.2 kB", "538 MB", "2.31 GB",
        "10 min 12 s", "826", "+0.250 ▲", "0.40 %",
    ):  # fmt: skip
        assert said in text, said


def test_quality_comes_first(trained: Report, empty: Report) -> None:
    heads = training.heads(boards.build(trained.results))
    assert list(heads)[:4] == ["method", "score", "difference", "changed"]
    assert (heads["score"], heads["difference"]) == ("citation_accuracy ↑", "Against base")
    assert "score" not in training.heads(boards.build(empty.results))  # nothing was scored


def test_the_facts_of_one_candidate(trained: Report) -> None:
    facts = rows_of(trained)["smol-full"].facts
    assert facts["score"].value == "0.984"
    assert facts["difference"].tone == "better"
    assert facts["difference"].notes[1] == "p < 0.001"
    assert facts["parameters"].notes == ("96\u202f% of 139\u202fM",)
    assert facts["speed"].value == "193"  # 118 342 tokens in 612.3 s
    assert facts["rows"].notes == ("118\u202f342 tokens", "12 truncated", "3 without loss")
    assert facts["validation"].notes == ("best: step 48",)
    assert facts["method"].notes == ("cpu, bfloat16", "checkpointing")
    assert facts["step"].notes == (
        "in 2 pieces", "at most 2\u202f048 tokens at once", "4.3\u202f% padding",
        "out of memory 2×",
    )  # fmt: skip
    rows = rows_of(trained)
    assert "compiled" in rows["smol-dora"].facts["method"].notes
    assert "resumed 1×" in rows["smol-qlora"].facts["method"].notes
    assert "stopped early" in rows["smol-prefix"].facts["validation"].notes


def test_what_did_not_happen_is_not_said(trained: Report) -> None:
    quiet = changed(
        trained, "*", rows_truncated=0, rows_without_loss=0, gradient_checkpointing=False,
        compiled=False, resumed=0, best_step=None, stopped_early=False, overfitting="",
        dirty=False, batching=Batching(rows=8, micro_tokens=512, micro_batches=1.0),
    )  # fmt: skip
    facts = rows_of(quiet)["smol-full"].facts
    assert facts["rows"].notes == ("118\u202f342 tokens",)
    assert facts["step"].notes == ("at most 512 tokens at once",)
    assert facts["method"].notes == ("cpu, bfloat16",)
    assert facts["validation"].notes == ()
    board = boards.build(quiet.results)
    assert training.notices(board) == training.notes(board) == []


def test_zeros_nones_and_nans(trained: Report, draw: Draw) -> None:
    broken = changed(
        trained, "*", seconds=0.0, tokens=0, rows=0, rows_truncated=0, rows_without_loss=0,
        trainable_parameters=0, total_parameters=0, adapter_bytes=0, peak_memory=0, curve=(),
        eval_loss=math.nan, best_step=None, batching=None, commit=None, dirty=None, hardware="",
        parameters={}, versions={}, created="",
    )  # fmt: skip
    candidates = tuple(
        one.model_copy(update={"changed": None}) for one in broken.results.candidates
    )
    results = broken.results.model_copy(
        update={"candidates": candidates, "comparisons": (), "scores": ()}
    )
    text = draw(replace(broken, results=results))
    assert "smol-full" in text
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", text)
    facts = rows_of(replace(broken, results=results))["smol-lora"].facts
    assert {facts[key].value for key in ("adapter", "memory", "speed", "loss", "step")} == {"–"}
    assert facts["changed"].value == "–"


def test_a_candidate_whose_training_failed_says_why(trained: Report, draw: Draw) -> None:
    text = draw(trained)
    assert f"vera could not run: {REASON}" in text
    assert "vera" not in rows_of(trained)


def test_an_adapter_that_was_refused_after_training_says_why(trained: Report, draw: Draw) -> None:
    why = "every answer is the base's: the adapter was not applied"
    candidates = tuple(
        one.model_copy(update={"error": why, "changed": 0.0, "answered": 0, "failed": 32})
        if one.name == "smol-ia3"
        else one
        for one in trained.results.candidates
    )
    scores = tuple(one for one in trained.results.scores if one.candidate != "smol-ia3")
    results = trained.results.model_copy(update={"candidates": candidates, "scores": scores})
    report = replace(trained, results=results)
    assert f"smol-ia3 could not run: {why}" in draw(report)
    assert rows_of(report)["smol-ia3"].error == why
    assert rows_of(report)["smol-ia3"].facts["changed"].value == "0\u202f%"
    notices = verdict.notices(results, boards.build(results))
    assert not any("was its adapter applied?" in one for one in notices)  # said once


def test_without_training_no_section(empty: Report, draw: Draw) -> None:
    text = draw(empty)
    assert "Adapter size" not in text
    assert "Perplexity" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_twelve_candidates_fit_every_terminal(
    trained: Report,
    width: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    twelve = many(trained, 12)
    monkeypatch.setenv("COLUMNS", str(width))
    Console().write(twelve)
    lines = capsys.readouterr().out.split("\n")
    assert max(map(cell_len, lines)) <= width
    table = lines[lines.index("Training") : lines.index("General text")]
    for place in range(12):
        assert any(line.startswith(f"sweep-r{place} ") for line in table)


def test_at_80_columns_what_the_first_table_lacks_stands_in_a_second(
    trained: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    Console().write(trained)
    lines = capsys.readouterr().out.split("\n")
    lines = lines[lines.index("Training") : lines.index("General text")]
    assert sum(line.startswith("candidate ") for line in lines) == 2
    lora = [line for line in lines if line.startswith("smol-lora")]
    assert lora[0].split()[1:4] == ["0.969", "±0.076", "+0.250"]
    assert "2.31 GB" in lora[1] and "2.410 → " in lora[1]


def many(report: Report, count: int) -> Report:
    """Return the report with `count` candidates of a sweep instead of the seven methods."""
    results = report.results
    base = [one for one in results.candidates if not one.training]
    model = next(one for one in results.candidates if one.training)
    names = [f"sweep-r{place}" for place in range(count)]
    update = {
        part: (
            *(one for one in getattr(results, part) if one.candidate != model.name),
            *(
                one.model_copy(update={"candidate": name})
                for name in names
                for one in getattr(results, part)
                if one.candidate == model.name
            ),
        )
        for part in ("scores", "comparisons")
    }
    candidates = (*base, *(model.model_copy(update={"name": name}) for name in names))
    return replace(report, results=results.model_copy(update={**update, "candidates": candidates}))


@pytest.mark.parametrize("count", [1, 12])
def test_one_candidate_and_twelve(trained: Report, draw: Draw, count: int) -> None:
    report = many(trained, count)
    assert len(rows_of(report)) == count
    text = draw(report)
    assert f"sweep-r{count - 1}" in text


# --- curves ---------------------------------------------------------------------------------


def marks(report: Report) -> list[ElementTree.Element]:
    """Return the lines and points of the chart of losses."""
    drawn = plots.curves(report.results)
    assert drawn is not None
    shades = (svg.ACCENT, svg.UNSURE, svg.GOOD)
    return [
        one
        for one in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}path")
        if one.get("stroke") in shades or one.get("fill") in shades
    ]


def test_the_page_draws_both_curves_and_marks_the_best(trained: Report) -> None:
    page = in_html(trained)
    section = page[page.index('<section id="training">') : page.index('<section id="forgetting">')]
    assert section.count('class="chart"') == 1
    assert (
        "smol-prefix: Training loss from 4.932 at step 1 to 1.331 at step 60. Validation loss from "
        "2.020 at step 12 to 1.840 at step 60, lowest 1.550 at step 36. The weights of step 36 "
        "were kept."
    ) in section
    found = marks(trained)
    lines = [one for one in found if one.get("fill") in (None, "none") and "L" in one.get("d", "")]
    solid = [one for one in lines if one.get("stroke") == svg.ACCENT]
    dashed = [one for one in lines if one.get("stroke-dasharray") == "5,3"]
    assert len(solid) == len(dashed) == len(METHODS)
    # One for each, and one in the legend.
    assert sum(one.get("fill") == svg.GOOD for one in found) == len(METHODS) + 1


def test_losses_stand_where_the_axes_say(report: Report) -> None:
    """60 steps at even distances, and a lower loss is further down."""
    made = manifest(report, "lora")
    (line,) = [
        one for one in marks(report)
        if one.get("stroke") == svg.ACCENT and one.get("d", "").count("L") == len(made.curve) - 1
    ]  # fmt: skip
    places = [tuple(map(float, one.split(","))) for one in line.get("d", "")[1:].split("L")]
    gaps = [after[0] - before[0] for before, after in pairwise(places)]
    assert gaps == pytest.approx([gaps[0]] * len(gaps), abs=0.02)
    down = [after[1] - before[1] for before, after in pairwise(places)]
    rise = [after.loss - before.loss for before, after in pairwise(made.curve)]
    assert [one / two for one, two in zip(down, rise, strict=True)] == pytest.approx(
        [down[0] / rise[0]] * len(rise), rel=0.2
    )


def points(*losses: float, held_out: dict[int, float] | None = None) -> tuple[LossPoint, ...]:
    watched = held_out or {}
    return tuple(
        LossPoint(step=step, loss=loss, eval_loss=watched.get(step))
        for step, loss in enumerate(losses, start=1)
    )


def test_a_long_training_is_thinned_by_means(trained: Report) -> None:
    made = manifest(trained, "smol-lora").model_copy(
        update={"curve": points(*(float(step % 2) for step in range(3_000))), "best_step": None}
    )
    assert curves.mean_of(made) == 10
    thinned = curves.thinned(curves.trained(made), 10)
    assert len(thinned) == curves.MOST_POINTS
    assert {loss for _, loss in thinned} == {0.5}
    assert "the mean of 10 steps" in in_html(changed(trained, "smol-lora", curve=made.curve))


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ((), "No loss was recorded."),
        (points(math.nan, math.nan), "No loss was recorded."),
        (points(2.0), "Training loss 2.000 at step 1."),
        (points(2.0, math.inf), "Training loss 2.000 at step 1."),
    ],
)
def test_too_short_a_curve_is_not_drawn(
    trained: Report, curve: tuple[LossPoint, ...], words: str
) -> None:
    made = manifest(trained, "smol-lora").model_copy(update={"curve": curve, "best_step": None})
    assert not curves.is_drawn(made)
    assert curves.in_words(made) == words
    assert "No curve: fewer than two steps" in in_html(changed(trained, "smol-lora", curve=curve))


def test_losses_that_are_no_numbers_leave_the_others_in_place(trained: Report) -> None:
    curve = points(3.0, math.nan, 2.0, 1.0, held_out={2: 2.5, 3: math.nan, 4: 1.5})
    made = manifest(trained, "smol-lora").model_copy(update={"curve": curve, "best_step": 99})
    assert curves.trained(made) == [(1, 3.0), (3, 2.0), (4, 1.0)]
    assert curves.held_out(made) == [(2, 2.5), (4, 1.5)]
    assert "nan" not in (plots.curves(changed(trained, "smol-lora", curve=curve).results) or "nan")


def test_a_flat_curve_is_drawn(trained: Report) -> None:
    flat = changed(trained, "smol-lora", curve=points(1.0, 1.0, 1.0), best_step=2)
    assert "smol-lora: Training loss from 1.000" in (plots.curves(flat.results) or "")


def test_sparklines_stand_on_one_scale(trained: Report) -> None:
    made = manifest(trained, "smol-lora").model_copy(
        update={"curve": points(8.0, 6.0, 4.0, 1.0, held_out={2: 8.0, 4: 1.0})}
    )
    assert curves.sparklines(made, 24) == ("█▆▄▁", "█▁")
    assert "▇▅" in in_markdown(trained) or "█▇" in in_markdown(trained)


# --- what a reader must know ----------------------------------------------------------------


def test_doubts_come_before_the_numbers(trained: Report, draw: Draw) -> None:
    text = draw(trained)
    for said in (
        "smol-prefix: validation loss rose from 1.550 (step 36) to 1.840 (step 60)",
        "all 7 trained candidates: truncation left 3 of 483 training rows without an answer",
        "all 7 trained candidates: 12 of 483 training rows (2.5 %) were cut at max_length, "
        "256 tokens.",
        "smol-full: memory ran out 2 times while training",
        "smol-ia3: trained with uncommitted changes: commit 0123456789a… alone",
        "smol-prefix: training stopped early; the weights of step 36 (validation loss 1.550)",
    ):
        assert said in text, said


def test_notes_are_quieter_than_doubts(trained: Report) -> None:
    board = boards.build(trained.results)
    notices, notes = verdict.notices(trained.results, board), verdict.notes(board)
    assert len(notes) == 3
    assert not set(notes) & set(notices)
    page = in_html(trained)
    assert page.count('<li class="aside">') == 3
    assert in_markdown(trained).count("- Note: smol-") == 3


def test_what_holds_for_some_names_them(trained: Report) -> None:
    report = changed(changed(trained, "*", dirty=False), "smol-lora", dirty=True, commit=None)
    report = changed(report, "smol-dora", dirty=True, commit=None)
    notes = training.notes(boards.build(report.results))
    assert "smol-lora, smol-dora: trained with uncommitted changes: the commit alone cannot " in (
        "".join(notes)
    )


def test_a_validation_loss_that_is_no_number_is_told(trained: Report) -> None:
    report = changed(trained, "smol-lora", eval_loss=math.nan)
    assert "smol-lora: the validation loss of its weights is not a number." in training.notices(
        boards.build(report.results)
    )


# --- where it came from ---------------------------------------------------------------------


def test_the_page_and_markdown_hold_the_whole_manifest(trained: Report) -> None:
    made = manifest(trained, "smol-ia3")
    for text in (in_html(trained), in_markdown(trained)):
        for value in (made.base_sha256, made.data_sha256, made.adapter_sha256, made.key):
            assert value in text
        assert f"{made.commit}, with uncommitted changes" in text
        assert "Imaginary Xeon with 2 cores" in text
        for name, value in training.parameters(made).items():
            assert name in text and value.strip() in text
    assert in_html(trained).count('<details class="adapter">') == len(METHODS)


def test_parameters_are_flat_and_have_the_real_seed(trained: Report) -> None:
    made = manifest(trained, "smol-lora").model_copy(
        update={"parameters": {"seed": None, "peft": {"a": {"b": [1, 2]}}, "off": False, "x": {}}}
    )
    assert training.parameters(made) == {"off": "false", "peft.a.b": "1, 2", "seed": "42", "x": "–"}


# --- general text ---------------------------------------------------------------------------


def test_general_text_is_told_in_numbers_and_in_a_sentence(trained: Report, draw: Draw) -> None:
    text = draw(trained)
    flat = " ".join(text.split())
    assert (
        "General text became harder beyond chance for smol-full (perplexity × 1.420, 95 % "
        "interval [1.310, 1.530], p < 0.001); smol-prefix (perplexity × 1.080"
    ) in flat
    assert "General text became easier beyond chance for smol-ia3" in text
    assert "No change on general text beyond chance for smol-lora (× 1.004), smol-dora" in text
    for said in ("26.41", "18.60", "1.420", "[1.310, 1.530]", "<0.001", "64", "15 872"):
        assert said in text, said
    assert "perplexity|passages:64|length:256|code:51ab" in text


def test_a_reader_is_warned_only_where_text_became_harder(trained: Report) -> None:
    (notice,) = forgetting.notices(trained.results)
    assert notice.startswith("General text became harder")
    calm = tuple(one for one in trained.results.forgetting if one.ratio < 1.01)
    assert forgetting.notices(trained.results.model_copy(update={"forgetting": calm})) == []


@pytest.mark.parametrize(
    ("update", "verdict_"),
    [
        ({}, "harder"),
        ({"p": 0.2}, ""),
        ({"p": None}, "harder"),
        ({"ratio_low": 0.99}, ""),
        ({"ratio_low": math.nan}, "harder"),
        ({"ratio_low": math.nan, "p": None}, ""),
        ({"ratio": 1.0}, ""),
        ({"ratio": 0.8, "ratio_low": 0.7, "ratio_high": 0.9}, "easier"),
        ({"ratio": math.inf, "ratio_high": math.inf}, ""),
    ],
)
def test_beyond_chance_needs_interval_and_p(
    trained: Report, update: dict[str, float | None], verdict_: str
) -> None:
    one = trained.results.forgetting[-1].model_copy(update=update)
    results = trained.results.model_copy(update={"forgetting": (one,)})
    assert [row.verdict for row in forgetting.rows(results)] == [verdict_]


def test_a_perplexity_that_is_no_number(trained: Report, draw: Draw) -> None:
    broken = ForgettingSummary(
        candidate="smol-lora", perplexity=math.inf, low=math.nan, high=math.inf,
        base_perplexity=18.6, ratio=math.inf, ratio_low=math.nan, ratio_high=math.inf, p=None,
        texts=64, tokens=0, signature="perplexity",
    )  # fmt: skip
    results = trained.results.model_copy(update={"forgetting": (broken,)})
    text = draw(replace(trained, results=results))
    said = "The perplexity on general text is not a number for smol-lora."
    assert said in text
    assert "beyond chance for smol" not in text
    assert forgetting.notices(results) == [said]


# --- old and hostile files ------------------------------------------------------------------

ADDED = frozenset(
    "best_step stopped_early overfitting objective batching gradient_checkpointing compiled "
    "processes adapter_bytes peak_memory resumed hardware commit dirty".split()
)
"""Fields of a manifest that the first version of `results.json` did not have."""


def old(report: Report) -> dict[str, Any]:
    """Return a run as the first version wrote it."""
    record: dict[str, Any] = report.results.model_dump(mode="json")
    del record["forgetting"]
    for one in record["candidates"]:
        if one["training"]:
            one["training"] = {k: v for k, v in one["training"].items() if k not in ADDED}
    return record


def test_an_old_results_file_is_drawn(trained: Report, draw: Draw) -> None:
    results = Results.model_validate_json(json.dumps(old(trained)))
    text = draw(replace(trained, results=results))
    assert "smol-lora" in text
    assert "General text" not in text


def test_bench_show_shows_an_old_results_file(trained: Report, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(old(trained)), "utf-8")
    done = CliRunner().invoke(show, [str(tmp_path)], standalone_mode=False)
    assert done.exception is None
    assert re.search(r"^smol-lora +0\.969", done.output, re.MULTILINE)
    assert "\nTraining\n" in done.output


def test_nothing_of_a_manifest_reaches_the_terminal_as_it_is(
    trained: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = "[red]x[/red] [/] \x1b[2J\x9b31m\nTraining\u202e"
    texts = ("method", "device", "dtype", "objective", "overfitting", "hardware", "commit")
    report = changed(trained, "*", **dict.fromkeys(texts, evil))
    general = tuple(
        one.model_copy(update={"candidate": evil, "signature": evil})
        for one in report.results.forgetting
    )
    results = report.results.model_copy(update={"forgetting": general})
    for width in (80, 400):
        monkeypatch.setenv("COLUMNS", str(width))
        Console().write(replace(report, results=results))
        out = capsys.readouterr().out
        assert not set("\x1b\x9b\u202e") & set(out)
        assert "[red]x[/red]" in out
        assert out.split("\n").count("Training") == 1
        assert max(map(cell_len, out.split("\n"))) <= width
