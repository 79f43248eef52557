"""The section on judges, in all three reports."""

from dataclasses import replace

import pytest

from benchmark.core.known_worth import rate
from benchmark.reporters import trust
from benchmark.reporters.console import Console
from benchmark.reporters.html import Html
from benchmark.reporters.markdown import Markdown
from benchmark.results_judges import (
    Calibration,
    CanaryRate,
    CorrectedScore,
    JudgeAgreement,
    JudgeTrust,
    MemberAgreement,
    PairAgreement,
    Rate,
)

HOSTILE = "<b>|x`\x1b[31m"


def of(value, low=None, high=None):
    return Rate(value=value, low=low, high=high)


def kinds(*passed):
    names = ("empty", "colon", "opener", "other", "injected")
    return tuple(
        CanaryRate(kind=name, passed=count, n=16, failed=0, rate=rate(count, 16))
        for name, count in zip(names, passed, strict=True)
    )


CALIBRATION = Calibration(
    state="fresh",
    file="suites/calibration/legi.json",
    n=40,
    kappa=of(0.61, 0.44, 0.75),
    alpha=0.6,
    auc=of(0.87, 0.8, 0.93),
    bias=of(0.42, 0.2, 0.63),
    corrected=(
        CorrectedScore(
            candidate="lora", judged=3.9, labelled=of(3.4, 3.0, 3.8),
            corrected=of(3.52, 3.3, 3.74), power=0.81, labels=20, n=32,
        ),
    ),
)  # fmt: skip
GOOD = JudgeTrust(
    judge="rubric", trusted=True, reason="it knows the reference.", auc=of(0.98, 0.94, 1.0),
    false_pass=rate(1, 80), n=95, failed=1, passes=3.0, passes_from="the middle of its scale",
    kinds=kinds(0, 0, 0, 0, 1), calibration=CALIBRATION,
    self_preference=("gemini is of the family of lora (Google): models tend to favour their kin",),
)  # fmt: skip
BAD = JudgeTrust(
    judge=HOSTILE, trusted=False, reason=f"fooled by {HOSTILE}", auc=of(0.5, 0.5, 0.5),
    false_pass=rate(80, 80), n=80, failed=0, kinds=kinds(16, 16, 16, 16, 16),
    first=of(1.0, 0.8, 1.0),
    calibration=CALIBRATION.model_copy(
        update={"state": "stale", "why": "its rubric has changed since", "corrected": ()}
    ),
)  # fmt: skip
PANEL = JudgeAgreement(
    judge="rubric", members=("gemini/strict", HOSTILE), items=96, missing=3, level="ordinal",
    alpha=0.52, pairs=(PairAgreement(first="gemini/strict", second=HOSTILE, kappa=0.66, n=93),),
    effective=1.7, effective_from="votes", flip_rate=0.08, flips_of=32,
    best=MemberAgreement(member="gemini/strict", kappa=0.64, n=40), panel=0.61,
)  # fmt: skip


@pytest.fixture
def judged(report):
    results = report.results.model_copy(update={"trust": (GOOD, BAD), "agreement": (PANEL,)})
    return replace(report, results=results)


def test_markdown_says_who_is_trusted_why_and_all_numbers(judged):
    text = Markdown().write(judged).read_text()
    section = text[text.index(f"## {trust.TITLE}") : text.index("## Answers and cost")]
    plain = section.replace("\u00a0", " ")
    for wanted in (
        "✅ rubric is trusted: it knows the reference.", "⚠️", "is not trusted: fooled by",
        "0.98 [0.94, 1.00]", "95, 1 failed", "1 of 16 [0.01, 0.28]", "16 of 16 [0.81, 1.00]",
        "≥ 1.7 of 2", "0.52", "0.66", "8.0 % of 32", "gemini/strict: 0.64 (panel 0.61)",
        "0.61 [0.44, 0.75]", "+0.42 [+0.20, +0.63]", "stale", "3.520 [3.300, 3.740]",
        "passes from 3.00 on", "lower bound", "fewer than 30 labels",
    ):  # fmt: skip
        assert wanted in plain.replace("\u202f", " "), wanted
    top = text[: text.index("## Leaderboard")]
    for wanted in (
        "Its opinions decide no gate", "of the family of lora", "shown first, whatever it says",
        "its calibration is stale: its rubric has changed since",
    ):  # fmt: skip
        assert wanted in top
    assert "<b>" not in text and "\x1b" not in text


def test_html_has_the_section_and_shows_hostile_text_as_text(judged):
    page = Html().write(judged).read_text()
    section = page[page.index('<section id="trust">') : page.index('<section id="cost">')]
    assert 'href="#trust"' in page
    assert "✓ trusted" in section and "? not trusted" in section
    assert "&lt;b&gt;" in section and "<b>|" not in page and "\x1b" not in page
    for table in trust.tables(judged.results):
        assert table.title in section
    assert len(trust.tables(judged.results)) == 6
    assert all(
        len(row) == len(table.heads) for table in trust.tables(judged.results) for row in table.rows
    )


@pytest.mark.parametrize("width", ["60", "100", "200"])
def test_console_shows_what_fits(judged, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    Console().write(judged)
    out = capsys.readouterr().out
    assert trust.TITLE in out
    assert "Trusted" in out and "\x1b" not in out
    section = out[out.index(trust.TITLE) : out.index("Before you trust")]
    assert all(len(line) <= int(width) for line in section.splitlines())
    assert ("Answers of known worth" in section) == (width == "60")  # it names what did not fit


def test_nothing_is_said_where_nothing_was_judged(report, capsys):
    assert trust.TITLE not in Markdown().write(report).read_text()
    assert 'id="trust"' not in Html().write(report).read_text()
    Console().write(report)
    assert trust.TITLE not in capsys.readouterr().out
    assert trust.notices(report.results) == trust.tables(report.results) == []


def test_a_judge_that_could_not_be_tested_has_dashes(report):
    none = JudgeTrust(
        judge="j", trusted=False, reason="no test example has a reference to test it with.",
        auc=of(None), false_pass=of(None), n=0, failed=0,
    )  # fmt: skip
    results = report.results.model_copy(update={"trust": (none,)})
    (table,) = trust.tables(results)
    assert table.rows == [["j", "no", "no", "–", "–", "0"]]
    Html().write(replace(report, results=results))
