"""`report.html`: one file for a reviewer, with the verdict first and nothing to download."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from benchmark.plugins import Plugin, Report
from benchmark.reporters import board as boards
from benchmark.reporters import (
    charts,
    curves,
    forgetting,
    retrieval,
    samples,
    scales,
    training,
    trust,
    verdict,
)
from benchmark.reporters import format as fmt
from benchmark.reporters.files import write_text
from benchmark.results import Results

if TYPE_CHECKING:
    from jinja2 import Environment

WHISKER = 84
FOREST = 300
"""Widths of the small charts, in pixels."""


class Html(Plugin):
    """Writes `report.html`: self-contained, readable without JavaScript, inert to its content."""

    samples: int = Field(default=200, ge=0)
    """Most examples shown side by side, evenly spaced through the test set."""

    def write(self, report: Report) -> Path:
        """Write the page and return the file. Raises StoreError."""
        template = _environment().get_template("report.html.j2")
        page = template.render(self._context(report))
        return write_text(report.folder / "report.html", page)

    def _context(self, report: Report) -> dict[str, Any]:
        results, board = report.results, boards.build(report.results)
        script = _source("report.js")
        return {
            "results": results,
            "board": board,
            "headline": verdict.headline(results),
            "gates": verdict.ordered_gates(results),
            "symbols": verdict.SYMBOLS,
            "claims": verdict.claims(board),
            "notices": verdict.notices(results, board),
            "notes": verdict.notes(board),
            **_trained(results, board),
            "retrieval": retrieval,
            "trust": trust,
            "retrieved": retrieval.rows(results),
            "legend": scales.legend(board),
            "doubt": scales.MARK,
            "scales": {
                column.score: charts.score_scale(board, column, WHISKER) for column in board.columns
            },
            "forest": _forest(board),
            "tests": sorted({fmt.clean(row.test) for row in results.comparisons}),
            "samples": samples.collect(report, board, self.samples),
            "filters": _filters(board),
            "total": len(report.examples),
            "charts": charts,
            "fmt": fmt,
            "whisker_width": WHISKER,
            "forest_width": FOREST,
            "style": _source("report.css"),
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
        "training_extent": curves.extent([one.made for one in rows]),
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


def _filters(board: boards.Board) -> list[tuple[str, str]]:
    """Return the flags by which samples can be filtered, and what each is called."""
    base = fmt.one_line(board.baseline)
    found = []
    for index, row in enumerate(board.models):
        if not row.is_baseline and row.has_values:
            found.append((f"up{index}", f"{row.name} better than {base}"))
            found.append((f"down{index}", f"{row.name} worse than {base}"))
    return found


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def visible(value: Any) -> Any:
        """Clean each text on its way to the page; markup comes from our own templates only."""
        return (
            fmt.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
        )

    environment = Environment(
        loader=PackageLoader("benchmark.reporters"),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line"] = fmt.one_line
    return environment


def _source(name: str) -> Any:
    """Return one of our own files as text that needs no escaping."""
    from markupsafe import Markup

    file = resources.files("benchmark.reporters") / "templates" / name
    return Markup(file.read_text("utf-8").strip())
