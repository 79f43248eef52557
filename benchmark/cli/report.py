"""`bench report`: a finished run's reports, written again."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import debug_option, reports_option


@click.command("report")
@click.argument("run", required=False)
@click.option(
    "-o",
    "outputs",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file: .html, .md, .junit.xml, .csv, .parquet or .json; may be given several times.",
)
@click.option("--full", is_flag=True, help="Every example in Markdown and HTML, not a choice.")
@reports_option
@debug_option
def command(run: str | None, outputs: tuple[Path, ...], full: bool, reports: Path) -> int:
    """Write reports of RUN to files; computes nothing.

    RUN is a run folder, a run id or the end of one, a suite's name, or "latest" (the default).
    CSV and Parquet have one row for each candidate, example and score. In CSV a text that a
    spreadsheet could take for a formula has a ' before it; Parquet has all texts as they are.

    Example: bench report latest -o report.html -o scores.parquet
    """
    from benchmark.core.export import Finished, kind_of, write
    from benchmark.core.finished import find_run

    for path in outputs:
        kind_of(path)
    for path in write(Finished(find_run(reports, run)), outputs, full=full):
        click.echo(f"wrote {path}")
    return 0
