"""The Markdown report, read by markdown-it, an independent CommonMark parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

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
    text = Markdown(samples=10).write(report).read_text("utf-8")
    found = list(tables(text))
    assert len(found) >= 7
    for table in found:
        assert len(table) > 2
        assert {len(BAR.findall(line)) for line in table} == {len(BAR.findall(table[0]))}
    # Every line that looks like a row belongs to a table.
    outside = re.sub(r"(?ms)^(```+)text$.*?^\1$", "", text)
    rows = [line for line in outside.split("\n") if line.startswith("|")]
    assert len(rows) == sum(map(len, found))


@pytest.mark.parametrize("which", ["report", "trained"])
def test_hostile_texts_are_inert(which: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(which)
    text = Markdown(samples=10).write(hostile(report)).read_text("utf-8")
    found = list(tokens(text))
    kinds = {token.type for token in found}
    assert not kinds & {"link_open", "image", "em_open", "s_open", "code_block", "hr"}
    inline = {token.content for token in found if token.type == "html_inline"}
    assert inline == {"<br>"}
    blocks = [token.content.strip() for token in found if token.type == "html_block"]
    assert all(
        re.fullmatch(r"<details><summary>[^<>]*</summary>|</details>", one) for one in blocks
    )
    heads = [token.tag for token in found if token.type == "heading_open"]
    assert heads.count("h1") == 1
    plain = Markdown(samples=10).write(report).read_text("utf-8")
    assert len(heads) == len([one for one in tokens(plain) if one.type == "heading_open"])


def test_code_blocks_hold_the_texts_as_they_are(report: Report) -> None:
    text = Markdown(samples=10).write(hostile(report)).read_text("utf-8")
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
    text = Markdown().write(report).read_text("utf-8")
    assert text.startswith("# ✅ PASS: legi\n\n2 of 2 gates held.\n")
    assert "| **citation_accuracy ↑** | **0.969** [0.848,\u00a01.000] ▲ |" in text
    assert "few-shot<br>n=31, 1 failed" in text
    assert "| citation_accuracy | few-shot | −0.063 | [−0.223,\u00a0+0.097] | 0.414 | 31 |" in text
    assert "### What a fake scores" in text
    assert "**dora** could not run: the loss became NaN at step 14" in text
    assert "| lora | 1.128<br>from\u00a02.331 | 1.250 |" in text
    for row in report.results.scores:
        assert row.signature.replace("|", "\\|") in text


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
