"""The Markdown report, read by markdown-it, an independent CommonMark parser."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

import payloads
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from benchmark.manifests import TrainingManifest
from benchmark.plugins import Report
from benchmark.records import Generation
from benchmark.reporters import mark
from benchmark.reporters.markdown import Markdown

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
BAR = re.compile(r"(?<!\\)\|")
HOSTILE = (
    "a | b || \\| c `d | e` ``` ~~~",
    "# head\n\n---\n\n| x | y |\n| - | - |\n",
    "<script>alert(1)</script> <img src=x onerror=alert(1)> <!-- &lt; &#64;",
    "[link](javascript:alert(1)) ![picture](https://example.org/x.png) <https://example.org>",
    "**bold** __bold__ *em* _em_ ~~gone~~ $x$ \\",
    "</details></summary>\n\n```\n````\nout\n",
    "\0\x1b[31m\ud800\u202e\u2028x\x85y\r\nz",
)


SHOWN = ("candidate", "documents", "signature")
"""What a report shows of a retrieval."""


def hostile_manifest(made: TrainingManifest, everything: str) -> TrainingManifest:
    """Put a text wherever a manifest holds one."""
    texts = ("method", "base", "key", "device", "dtype", "objective", "overfitting", "hardware")
    hashes = ("base_sha256", "adapter_sha256", "data_sha256", "commit", "created")
    update = {
        **dict.fromkeys((*texts, *hashes), everything),
        "versions": {everything: everything},
        "parameters": {everything: {everything: [everything, None]}},
    }
    return made.model_copy(update=update)


def tokens(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def hostile(report: Report) -> Report:
    everything = " ".join(HOSTILE)
    results = report.results
    update = {
        "suite": everything,
        "command": everything,
        "run_id": everything,
        "candidates": tuple(
            one.model_copy(
                update={
                    **dict.fromkeys(("description", "error", "backend"), everything),
                    "training": one.training and hostile_manifest(one.training, everything),
                }
            )
            for one in results.candidates
        ),
        "retrieval": tuple(
            one.model_copy(update=dict.fromkeys(SHOWN, everything))
            for one in results.retrieval
        ),
        "forgetting": tuple(
            one.model_copy(update={"candidate": everything, "signature": everything})
            for one in results.forgetting
        ),
        "gates": tuple(
            one.model_copy(update={"reason": text, "gate": text})
            for one in results.gates
            for text in HOSTILE
        ),
        "scores": tuple(one.model_copy(update={"signature": everything}) for one in results.scores),
        "comparisons": tuple(
            one.model_copy(update={"test": everything}) for one in results.comparisons
        ),
        "dataset": results.dataset.model_copy(
            update={
                "name": everything,
                "notes": HOSTILE,
                "sources": dict.fromkeys(HOSTILE, everything),
                "dropped": dict.fromkeys(HOSTILE, 1),
            }
        ),
    }  # fmt: skip
    examples = [
        one.model_copy(update={"id": text, "references": (text,)})
        for one, text in zip(report.examples, HOSTILE, strict=False)
    ]
    generations = {
        "base": [Generation(example_id=text, candidate="base", text=text) for text in HOSTILE],
        "lora": [
            Generation(example_id=text, candidate="lora", text=None, error=text) for text in HOSTILE
        ],
    }
    return replace(
        report,
        results=results.model_copy(update=update),
        examples=examples,
        generations=generations,
    )


def tables(text: str) -> Iterator[list[str]]:
    """Yield the raw lines of each table outside of code blocks."""
    lines = text.split("\n")
    for token in PARSER.parse(text):
        if token.type == "table_open" and token.map:
            yield [line for line in lines[token.map[0] : token.map[1]] if line.strip()]


@pytest.mark.parametrize("which", ["report", "trained"])
@pytest.mark.parametrize("make", [lambda report: report, hostile])
def test_all_rows_of_a_table_have_the_same_number_of_cells(
    make: object, which: str, request: pytest.FixtureRequest
) -> None:
    assert callable(make)
    report = make(request.getfixturevalue(which))
    text = Markdown(samples=10, full=True).write(report).read_text("utf-8")
    found = list(tables(text))
    assert len(found) >= 7
    for table in found:
        assert len(table) > 2
        assert {len(BAR.findall(line)) for line in table} == {len(BAR.findall(table[0]))}
    # Every line that looks like a row belongs to a table.
    outside = re.sub(r"(?ms)^(```+)text$.*?^\1$", "", text)
    rows = [line for line in outside.split("\n") if line.startswith("|")]
    assert len(rows) == sum(map(len, found))


CHARTS = {"report-differences.svg", "report-paired.svg", "report-curves.svg"}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("which", ["report", "trained"])
def test_hostile_texts_are_inert(which: str, full: bool, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(which)
    text = Markdown(samples=10, full=full).write(hostile(report)).read_text("utf-8")
    assert_inert(text)
    heads = [one.tag for one in tokens(text) if one.type == "heading_open"]
    assert heads.count("h1") == 1
    if full:
        plain = Markdown(samples=10, full=True).write(report).read_text("utf-8")
        assert len(heads) == len([one for one in tokens(plain) if one.type == "heading_open"])


def assert_inert(text: str) -> None:
    """Let a page hold no element, link or picture but those that we write ourselves."""
    found = list(tokens(text))
    kinds = {token.type for token in found}
    assert not kinds & {"em_open", "s_open", "code_block", "hr", "front_matter"}
    links = {str(token.attrs["href"]) for token in found if token.type == "link_open"}
    assert all(one.startswith("https://www.legifrance.gouv.fr/") for one in links)
    pictures = {str(token.attrs["src"]) for token in found if token.type == "image"}
    assert pictures <= CHARTS
    inline = {token.content for token in found if token.type == "html_inline"}
    assert inline <= {"<br>"}
    blocks = [token.content.strip() for token in found if token.type == "html_block"]
    assert all(
        re.fullmatch(r"<details><summary>[^<>]*</summary>|</details>", one) for one in blocks
    )
    assert blocks.count("</details>") * 2 == len(blocks)
    assert not fmt_unseen(text)


def fmt_unseen(text: str) -> set[str]:
    """Return characters that move the cursor or reorder text, our own breaks of links apart."""
    bad = {one for one in text if unicodedata.category(one) in ("Cc", "Cf", "Cs")}
    return bad - {"\n", "\u200b", "\u200d"}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", [*payloads.PAYLOADS, "all"])
def test_payloads_are_inert(report: Report, name: str, full: bool) -> None:
    payload = payloads.PAYLOADS.get(name, payloads.ALL)
    results = report.results
    gates = tuple(one.model_copy(update={"reason": payload, "gate": payload})
                  for one in results.gates)  # fmt: skip
    update = {"gates": gates, "suite": payload, "command": payload, "comparisons": ()}
    changed = replace(
        report,
        results=results.model_copy(update=update),
        examples=[one.model_copy(update={"references": (payload,)}) for one in report.examples[:2]],
        generations={
            who: [one.model_copy(update={"text": payload}) for one in rows[:2]]
            for who, rows in report.generations.items()
        },
    )
    assert_inert(Markdown(full=full).write(changed).read_text("utf-8"))


def test_code_blocks_hold_the_texts_as_they_are(report: Report) -> None:
    text = Markdown(samples=10, full=True).write(hostile(report)).read_text("utf-8")
    blocks = [token.content for token in tokens(text) if token.type == "fence"]
    assert "</details></summary>\n\n```\n````\nout\n\n" in blocks
    assert "␀␛[31m\ufffd\ufffd\nx\ufffdy\nz\n" in blocks


def test_no_mention_and_no_bare_link_survives_outside_of_code() -> None:
    shown = mark.text("see @someone, #12, https://example.org, www.example.org, a@b.org")
    assert not re.search(r"@\w|#\d|://|www\.", shown)


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_text_is_shown_as_it_is(text: str) -> None:
    paragraph = PARSER.parse(f"{mark.text(text)} x")
    assert [token.type for token in paragraph] == ["paragraph_open", "inline", "paragraph_close"]
    children = paragraph[1].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    shown = "".join(child.content for child in children).replace("\u200b", "")
    expected = " ".join(mark.fmt.clean(f"{text} x").replace("\u200b", "").split())
    assert " ".join(shown.split()) == expected


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_code_is_shown_as_it_is(text: str) -> None:
    line = mark.fmt.one_line(text)
    children = PARSER.parse(f"x {mark.code(text)} x")[1].children or []
    assert [child.content for child in children] == (["x ", line, " x"] if line else ["x – x"])


def test_verdict_gates_and_numbers(report: Report) -> None:
    text = Markdown(full=True).write(report).read_text("utf-8")
    assert text.startswith("# ✅ PASS: legi\n\n2 of 2 gates held.\n")
    assert "| **citation_accuracy ↑** | **0.969** [0.848,\u00a01.000] ▲ |" in text
    assert "few-shot<br>n=31, 1 failed" in text
    assert "| citation_accuracy | few-shot | −0.063 | [−0.223,\u00a0+0.097] | 0.414 | 31 |" in text
    assert "### What a fake scores" in text
    assert "**dora** could not run: the loss became NaN at step 14" in text
    assert "| lora | 1.128<br>from\u00a02.331 | 1.250 |" in text
    for row in report.results.scores:
        assert row.signature.replace("|", "\\|") in text


def many(report: Report, numbers: int, models: int) -> Report:
    """Return a run with so many numbers and candidates: those there are, under other names."""
    results = report.results
    lora = next(one for one in results.candidates if one.name == "lora")
    names = [f"lora-r{at}" for at in range(models)]
    first = results.scores[0].score
    scores, pairs = list(results.scores), list(results.comparisons)
    for row in [one for one in scores if one.score == first]:
        scores += [row.model_copy(update={"score": f"number_{at}", "metric": f"number_{at}"})
                   for at in range(numbers)]  # fmt: skip
    for pair in [one for one in pairs if one.score == first]:
        pairs += [pair.model_copy(update={"score": f"number_{at}"}) for at in range(numbers)]
    for rows in (scores, pairs):
        rows += [one.model_copy(update={"candidate": name})  # type: ignore[misc, attr-defined]
                 for one in rows if one.candidate == "lora" for name in names]  # type: ignore[attr-defined] # fmt: skip
    update = {
        "scores": tuple(scores), "comparisons": tuple(pairs),
        "candidates": (*results.candidates,
                       *(lora.model_copy(update={"name": name}) for name in names)),
    }  # fmt: skip
    return replace(report, results=results.model_copy(update=update))


@pytest.mark.parametrize(("numbers", "models"), [(0, 0), (30, 0), (30, 30), (200, 3)])
def test_a_short_page_fits_a_comment_and_says_what_it_leaves_out(
    report: Report, numbers: int, models: int
) -> None:
    run = many(report, numbers, models)
    text = Markdown().write(run).read_text("utf-8")
    assert len(text) < 20_500
    assert ("Left out to stay short: " in text) == (numbers > 0)
    assert "## Leaderboard" in text
    # With so many candidates side by side, samples have no room either, and that is said.
    assert ("## Samples that changed" in text) == (models < 30)
    whole = Markdown(full=True).write(run).read_text("utf-8")
    assert len(whole) > len(text) and "Left out" not in whole


def test_the_answers_that_changed_most_come_first(report: Report) -> None:
    primary = report.results.primary
    values = {
        name: {row.example_id: row.values[primary] for row in report.scores
               if row.candidate == name and primary in row.values}
        for name in ("base", "lora", "few-shot")
    }  # fmt: skip
    worse = {
        example
        for name in ("lora", "few-shot")
        for example, value in values[name].items()
        if example in values["base"] and value < values["base"][example]
    }
    text = Markdown(samples=4).write(report).read_text("utf-8")
    titles = re.findall(r"<summary>((?:worse|better) for [^<:]+): ", text)
    assert len(titles) == 4
    assert sum(title.startswith("worse") for title in titles) == min(2, len(worse))


def test_differences_are_drawn(report: Report) -> None:
    text = Markdown().write(report).read_text("utf-8")
    drawn = next(token.content for token in tokens(text) if token.type == "fence").split("\n")
    assert drawn[0] == "citation_accuracy ↑"
    rows = [line for line in drawn if "●" in line]
    zero = {line.index("┊") for line in rows if "┊" in line}
    assert len({line.index("[") for line in rows if line.startswith(("lora", "few"))}) <= 3
    assert rows and all("├" in line and "┤" in line for line in rows) and zero


def test_charts_stand_beside_a_full_page(trained: Report) -> None:
    text = Markdown(full=True).write(trained).read_text("utf-8")
    shown = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text)
    assert set(shown) <= CHARTS and "report-differences.svg" in shown
    for name in shown:
        assert (trained.folder / name).read_text("utf-8").lstrip().startswith("<svg")
    assert "![" not in Markdown().write(trained).read_text("utf-8")


def test_it_fits_a_step_summary(report: Report) -> None:
    # GitHub refuses a step summary of more than 1 MiB.
    long = [
        one.model_copy(update={"references": ("mot " * 100_000,)}) for one in report.examples
    ]  # fmt: skip
    path = Markdown().write(replace(report, examples=long))
    assert path.stat().st_size < 200_000


def test_empty(empty: Report) -> None:
    text = Markdown().write(empty).read_text("utf-8")
    assert "NO GATES" in text
    assert "Nothing was scored." in text
    assert "There is nothing to compare." in text
