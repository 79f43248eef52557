"""The section on retrieval: its table, what it says beside it, and where it is not there."""

from __future__ import annotations

import pytest

from benchmark.plugins import Report
from benchmark.reporters import board, retrieval, verdict
from benchmark.reporters.html import Html
from benchmark.reporters.markdown import Markdown
from benchmark.results import Rate


def test_markdown(trained: Report) -> None:
    text = Markdown(full=True).write(trained).read_text(encoding="utf-8")
    section = text.partition("## Retrieval")[2].partition("\n## ")[0].replace("\u00a0", " ")
    assert (
        "| smol-lora | corpus: 1 204 texts, 1 377 passages | 32 "
        "| 0.844 (k=3) [0.719, 0.938] | 0.500 [0.344, 0.656] | 0.844 [0.719, 0.938] "
        "| 0.844 [0.719, 0.938] | 1\u202f413 | `bm25s:0.3.16"
    ) in section
    assert (
        "smol-lora: 9 retrieved passages had no room in the prompts; in 1 prompt the one passage "
        "was cut to fit; nothing was found for 2 examples."
    ) in section


def test_html(trained: Report) -> None:
    page = Html().write(trained).read_text(encoding="utf-8")
    section = page.partition('<section id="retrieval">')[2].partition("</section>")[0]
    assert section.count('<th scope="row">') == 2
    assert '0.844 (k=3) <span class="interval">[0.719, 0.938]</span>' in section
    assert 'href="#retrieval"' in page


def test_answers_that_can_be_copied_are_a_notice(trained: Report) -> None:
    found = verdict.notices(trained.results, board.build(trained.results))
    assert (
        "smol-lora: 17 of 32 test answers are in the index, as the corpus is where they come "
        "from: retrieval can copy them."
    ) in found
    assert "smol-dora: 17 of 32 test answers are in the index: retrieval can copy them." in found


def test_recall_that_is_not_defined(trained: Report) -> None:
    nothing = Rate(value=None, low=None, high=None)
    rates = dict.fromkeys(("recall", "recall_at_1", "mrr", "in_prompt"), nothing)
    counts = {"n": 0, "in_index": 0, "dropped": 0, "cut": 0, "empty": 0}
    one = trained.results.retrieval[0].model_copy(update={**rates, **counts})
    results = trained.results.model_copy(update={"retrieval": (one,)})
    (row,) = retrieval.rows(results)
    assert row.rates == [("–", "")] * 4
    assert retrieval.legend(results)[1:] == [
        "smol-lora: no test example's own document or group is in the index, so recall is not "
        "defined."
    ]
    assert retrieval.notices(results) == []


@pytest.mark.parametrize("reporter", [Markdown(), Html()])
def test_no_section_where_nobody_retrieves(report: Report, reporter: Markdown | Html) -> None:
    text = reporter.write(report).read_text(encoding="utf-8")
    assert "## Retrieval" not in text and 'id="retrieval"' not in text
