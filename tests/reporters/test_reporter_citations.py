"""Citations in the reports: marked in the answer, with verdict, reason and link."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.plugins import Report
from benchmark.records import CitationVerdict, CitedArticle, Score
from benchmark.reporters import diff
from benchmark.reporters.citations import MAX_SHOWN, marked, shown, wrong
from benchmark.reporters.html import Html
from benchmark.reporters.markdown import Markdown

PAGE = "https://www.legifrance.gouv.fr/codes/article_lc/LEGIARTI000000000001"


def cited(text: str, start: int, verdict: CitationVerdict, **more: str) -> CitedArticle:
    end = start + len(text)
    fields = {"number": "L1", "code": "Code du travail", **more}
    return CitedArticle(text=text, start=start, end=end, verdict=verdict, **fields)


def with_citations(report: Report, *found: CitedArticle) -> Report:
    """Give the first example's answer of the first candidate these citations."""
    name = report.examples[0].id
    candidate = next(iter(report.generations))
    row = Score(
        example_id=name, candidate=candidate, metric="citations",
        stats=(1.0,), values={}, citations=found,
    )  # fmt: skip
    return replace(report, scores=[*report.scores, row])


def test_pieces_are_cut_at_citations_and_add_up() -> None:
    answer = "Voir L. 1,\r\npuis L. 2 et fin"
    clean = answer.replace("\r\n", "\n")
    spans = [cited("L. 1", 5, "in force"), cited("L. 2", 17, "invented")]
    assert all(answer[one.start : one.end] == one.text for one in spans)
    pieces = [
        diff.Piece("same", clean[:7]), diff.Piece("del", "rien "),
        diff.Piece("ins", clean[7:18]), diff.Piece("same", clean[18:]),
    ]  # fmt: skip
    runs = marked(pieces, answer, spans, 1000)
    assert "".join(run.text for run in runs if run.operation != "del") == clean
    assert [(run.text, run.cite.tone) for run in runs if run.cite] == [
        ("L.", "good"), (" 1", "good"), ("L.", "bad"), (" 2", "bad"),
    ]  # fmt: skip
    assert [run.text for run in marked(pieces, answer, spans, 3)] == [one.text for one in pieces]


def test_what_is_shown_is_bounded_and_each_once() -> None:
    many = [cited("L. 1", 5 * place, "invented", reason="r.") for place in range(10_000)]
    assert len(shown(many)) == 1
    pieces = [diff.Piece("same", "L. 1 " * 10_000)]
    assert (
        sum(run.cite is not None for run in marked(pieces, pieces[0].text, many, 10**6))
        <= MAX_SHOWN
    )
    apart = [cited("L. 2", 0, "out of corpus"), cited("L. 3", 9, "repealed")]
    assert [one.text for one in wrong(apart)] == ["L. 3"]


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://evil.example/", "//x", ""])
def test_only_one_site_is_linked(link: str) -> None:
    assert shown([cited("L. 1", 0, "in force", link=link)])[0].link == ""
    assert shown([cited("L. 1", 0, "in force", link=PAGE)])[0].link == PAGE


def test_html_marks_each_citation(report: Report) -> None:
    candidate = next(iter(report.generations))
    text = next(row.text for row in report.generations[candidate] if row.text)
    assert text is not None
    hack = "<script>alert(1)</script>"
    found = (
        cited(text[:4], 0, "invented", reason=f"No {hack} article.", link=PAGE),
        cited(text[6:9], 6, "in force", reason="In force."),
    )
    page = Html().write(with_citations(report, *found))
    content = page.read_text("utf-8") if page else ""
    assert f'<mark class="bad" title="invented: No {hack}' not in content
    assert '<mark class="bad" title="invented: No &lt;script&gt;alert(1)' in content
    assert '<mark class="good" title="in force: In force.">' in content
    assert f'<a href="{PAGE}" rel="noreferrer">' in content
    assert "2 citations, <b>1 wrong</b>" in content


def test_markdown_shows_the_wrong_ones_alone(report: Report) -> None:
    found = (
        cited("L. 1", 0, "invented", reason="No [such](x) <b>article</b>.", link=PAGE),
        cited("L. 2", 9, "in force", reason="All is well."),
    )
    page = Markdown().write(with_citations(report, *found))
    content = page.read_text("utf-8")
    assert (
        "- ✗ **L. 1** (invented): No \\[such\\](x) &lt;b&gt;article&lt;/b&gt;. [Légifrance]("
        in content
    )
    assert "All is well." not in content
