"""`bench leaderboard`: the latest run of each suite, or all runs of one."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import debug_option, reports_option


@click.command("leaderboard")
@click.argument("suite", required=False)
@reports_option
@debug_option
def command(suite: str | None, reports: Path) -> int:
    """Show every finished run of SUITE, or the latest run of each suite."""
    from rich.console import Console

    from benchmark.cli.runs import all_runs, read_results
    from benchmark.errors import StoreError
    from benchmark.reporters.console_board import leaderboard_table

    runs = all_runs(reports, suite or "*")
    if not runs:
        raise StoreError(
            f"no finished run{f' of {suite!r}' if suite else ''} in {reports}",
            hint="bench run suites/legi.yaml",
        )
    if suite is None:
        runs = list({folder.parent: folder for folder in runs}.values())
    console = Console()
    for folder in runs:
        results = read_results(folder)
        console.print(
            f"{results.suite} {results.run_id}: {results.verdict}, {results.status}",
            markup=False,
            highlight=False,
        )
        console.print(leaderboard_table(results, console.width))
    return 0
