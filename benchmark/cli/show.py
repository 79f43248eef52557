"""`bench show`: one run on the terminal."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import debug_option, reports_option


@click.command("show")
@click.argument("run", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print results.json.")
@reports_option
@debug_option
def command(run: str | None, as_json: bool, reports: Path) -> int:
    """Show RUN: its verdict, leaderboard and gates.

    RUN is a run folder, a run id or the end of one, or a suite's name; by default the latest run.
    """
    from benchmark.cli.runs import find_run, read_results
    from benchmark.plugins import Report
    from benchmark.reporters.console import Console
    from benchmark.reporters.json_file import text_of

    folder = find_run(reports, run)
    results = read_results(folder)
    if as_json:
        click.echo(text_of(results), nl=False)
    else:
        Console().write(Report(results, (), {}, (), folder))
    return 0
