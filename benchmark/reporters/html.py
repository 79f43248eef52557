"""`report.html`: one file for a reviewer, with the verdict first and nothing to download."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import Field

from benchmark.plugins import Plugin, Report
from benchmark.reporters import (
    again,
    charts,
    curves,
    forgetting,
    notices,
    paired,
    plain,
    plots,
    retrieval,
    sample_pages,
    samples,
    scales,
    svg,
    training,
    trust,
    verdict,
)
from benchmark.reporters import board as boards
from benchmark.reporters import format as fmt
from benchmark.reporters.files import write_text
from benchmark.reporters.foremost import foremost
from benchmark.reporters.pages import environment, source
from benchmark.reporters.sample_data import SampleData
from benchmark.results import Results

WHISKER = 84
FOREST = 300
"""Widths of the small charts, in pixels."""
FIRST = 5
"""Samples that are there without any script."""
SCRIPTS = ("js/data.js", "js/diff.js", "js/view.js", "js/choose.js", "js/list.js")
"""What shows the samples; each is a part of one script."""


class Html(Plugin):
    """Writes `report.html`: self-contained, readable without JavaScript, inert to its content.

    Samples that are more than two megabytes when packed lie in `report-samples/` beside it.
    """

    samples: int = Field(default=20_000, ge=0)
    """Most examples shown side by side, evenly spaced through the test set."""

    def write(self, report: Report) -> Path:
        """Write the page and return the file. Raises StoreError."""
        return self.write_to(report, report.folder / "report.html")

    def write_to(self, report: Report, file: Path) -> Path:
        """Write the page into `file`, and `<its name>-samples/` if that is needed."""
        board = boards.build(report.results)
        data = SampleData(report, board, self.samples)
        pages = sample_pages.write(data, file)
        template = environment().get_template("report.html.j2")
        context = {
            **_context(report, board),
            **_charts(report, board),
            **_trained(report.results, board),
            **_shown(report, board, data, pages),
        }
        return write_text(file, template.render(context))


def _context(report: Report, board: boards.Board) -> dict[str, Any]:
    results = report.results
    return {
        "results": results,
        "board": board,
        "headline": verdict.headline(results),
        "plain_words": plain.sentence(results, board),
        "data_words": plain.data(results.dataset),
        "again": again.again(report),
        "gates": verdict.ordered_gates(results),
        "symbols": verdict.SYMBOLS,
        "claims": verdict.claims(board),
        "notices": notices.grouped(results, board),
        "notes": verdict.notes(board),
        "retrieval": retrieval,
        "trust": trust,
        "retrieved": retrieval.rows(results),
        "legend": scales.legend(board),
        "doubt": scales.MARK,
        "tests": sorted({fmt.clean(row.test) for row in results.comparisons}),
        "total": len(report.examples),
        "fmt": fmt,
        "style": source("report.css"),
    }


def _charts(report: Report, board: boards.Board) -> dict[str, Any]:
    """Return the charts, and what the small ones in tables are drawn from."""
    drawn = {
        "forest_chart": plots.forest(report.results),
        "spread_chart": plots.differences(report),
        "curve_chart": plots.curves(report.results),
    }
    scaled = {column.score: charts.score_scale(board, column, WHISKER) for column in board.columns}
    return {
        **{name: _trusted(svg.inline(text)) if text else "" for name, text in drawn.items()},
        "spreads": paired.spreads(report, board),
        "foremost": foremost(report.results, board),
        "scales": scaled,
        "bounds": {
            column.score: [
                scaled[column.score].at(known)
                for value in (column.scale.floor, column.scale.ceiling)
                if (known := fmt.known(value)) is not None
            ]
            if column.scale
            else []
            for column in board.columns
        },
        "forest": _forest(board),
        "charts": charts,
        "whisker_width": WHISKER,
        "forest_width": FOREST,
    }


def _shown(
    report: Report, board: boards.Board, data: SampleData, pages: sample_pages.Pages
) -> dict[str, Any]:
    """Return the first samples, and the script that shows all."""
    first = samples.collect(report, board, min(FIRST, len(data.examples)))
    parts = [source("report.js"), *(map(source, SCRIPTS) if first else ())]
    start = "start().catch(failed);" if first else ""
    script = _trusted("\n".join(["(() => {", '"use strict";', *parts, start, "})();"]))
    files = [f"{place + 1:04d}.js" for place in range(pages.count)] if pages.folder else []
    head = {
        **data.head(),
        "page": sample_pages.PAGE,
        "folder": pages.folder,
        "files": files,
        "nonce": pages.nonce,
    }
    # In JSON, "<" can be written so that no text ends the script that holds it.
    text = json.dumps(head, separators=(",", ":")).replace("<", "\\u003c")
    return {
        "samples": first,
        "head": head,
        "head_json": _trusted(text),
        "pages": pages,
        "script": script,
        # Only this very script may run, whatever a model wrote.
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }


def _trained(results: Results, board: boards.Board) -> dict[str, Any]:
    """Return what `training.html.j2` draws."""
    rows = training.trained(board)
    return {
        "trained": rows,
        "training_heads": training.heads(board),
        "curves": curves,
        "origin": training.origin,
        "parameters": training.parameters,
        "is_long": training.is_long,
        "forgotten": forgetting.rows(results),
        "forgetting_heads": forgetting.HEADS,
        "forgetting_sentences": forgetting.sentences(results),
    }


def _forest(board: boards.Board) -> list[tuple[boards.Column, charts.Scale, list[Any]]]:
    """Return, for each number that has comparisons: its column, its scale and (row, cell)s."""
    found = []
    for column in board.columns:
        pairs = [
            (row, cell)
            for row in board.contenders
            if (cell := row.cell(column.score)) and cell.comparison
        ]
        if pairs:
            scale = charts.difference_scale([cell for _, cell in pairs], FOREST)
            found.append((column, scale, pairs))
    return found


def _trusted(text: str) -> Any:
    """Return text of our own making, which is not escaped."""
    from markupsafe import Markup

    return Markup(text)
