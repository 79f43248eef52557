"""Hostile names and texts in a model card stay text, read by markdown-it and by its YAML."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt
from payloads import ALL, BAIT, PAYLOADS

from benchmark.plugins import Report
from benchmark.reporters.model_card import Subject, hub_id, shown_base, text

OURS = re.compile("</?details>|<summary>All parameters</summary>")


def hostile(report: Report, payload: str) -> Subject:
    """Return a subject whose every text is a payload."""
    results = report.results
    cards = tuple(
        card.model_copy(update={"description": payload, "backend": payload})
        for card in results.candidates
    )
    trained = next(card for card in cards if card.training)
    made = trained.training.model_copy(
        update={"method": payload, "base": payload, "hardware": payload, "overfitting": payload,
                "commit": payload, "versions": {payload: payload},
                "parameters": {payload: payload}}
    )  # fmt: skip
    data = results.dataset.model_copy(
        update={"name": payload, "sources": {payload: payload}, "test_sha256": payload}
    )
    gates = tuple(gate.model_copy(update={"reason": payload}) for gate in results.gates)
    results = results.model_copy(
        update={"suite": payload, "candidates": cards, "dataset": data, "gates": gates,
                "command": payload, "run_id": payload, "fingerprint": payload}
    )  # fmt: skip
    return Subject(
        short=payload[:8], method=payload, base=payload, is_full=False, manifest=made, origin=None,
        results=results, candidate=trained.name, evaluation=None, language=(), license="",
    )  # fmt: skip


@pytest.mark.parametrize("payload", [*PAYLOADS.values(), ALL], ids=[*PAYLOADS, "all"])
def test_payloads_stay_text(report: Report, payload: str) -> None:
    card = text(hostile(report, payload))
    data = ModelCard(card).data
    assert len(data.eval_results) > 3
    _, _, body = card.partition("\n---\n")
    tokens = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(body)
    flat = [child for token in tokens for child in (token, *(token.children or ()))]
    markup = [token.content for token in flat if token.type in ("html_block", "html_inline")]
    assert [one for one in markup if OURS.sub("", one).strip() not in ("", "<br>")] == []
    assert not [token for token in flat if token.type in ("link_open", "image")]
    heads = [token.tag for token in flat if token.type == "heading_open"]
    assert heads.count("h1") == 1
    assert heads.count("h2") == 6
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", card)


@pytest.mark.parametrize(
    ("base", "hub", "shown"),
    [
        ("organisation/model", "organisation/model", "organisation/model"),
        ("organisation/model@v1", "organisation/model", "organisation/model@v1"),
        ("pip:some-model==1.0/a/b.gguf#sha256=" + "a" * 64, "", "pip:some-model==1.0/a/b.gguf"),
        ("/somewhere/models/mine", "", "mine"),
        ("./models/mine/", "", "mine"),
        (BAIT + "x.gguf", "", BAIT + "x.gguf"),
        ("\x1b]0;x", "", "␛]0;x"),
        ("", "", ""),
    ],
)
def test_bases(base: str, hub: str, shown: str) -> None:
    assert (hub_id(base), shown_base(base)) == (hub, shown)


def test_a_folder_is_no_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "mine").mkdir(parents=True)
    assert hub_id("models/mine") == ""
