"""`bench gate`: judge a finished run again, also against a baseline file."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import debug_option, reports_option


@click.command("gate")
@click.argument("run", required=False)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="Compare with the same candidates of this run (its folder or results.json).",
)
@reports_option
@debug_option
def command(run: str | None, baseline: Path | None, reports: Path) -> int:
    """Judge RUN by the gates of its suite; computes nothing but the comparison.

    With --baseline, `max_drop` compares each candidate with itself in that earlier run, example
    by example; a baseline with other test data or other metric signatures is refused.
    Exit code as in `bench run`.
    """
    from benchmark.cli.runs import find_run, read_results
    from benchmark.core.regate import regate

    folder = find_run(reports, run)
    results = read_results(folder)
    earlier = None
    if baseline is not None:
        there = find_run(reports, str(baseline))
        earlier = there, read_results(there)
    rules, status = regate(folder, results, earlier)
    for rule in rules:
        click.echo(f"{rule.outcome.upper():<12} {rule.gate}: {rule.reason}")
    if not rules:
        click.echo("the suite has no gates")
    return status
