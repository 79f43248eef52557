"""`bench gate`: judge a finished run again, also against a baseline."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import debug_option, reports_option
from benchmark.cli.earlier import HELP


@click.command("gate")
@click.argument("run", required=False)
@click.option("--baseline", metavar="FILE|RUN|SHA", help=HELP)
@reports_option
@debug_option
def command(run: str | None, baseline: str | None, reports: Path) -> int:
    """Judge RUN by the gates of its suite; computes nothing but the comparison.

    With --baseline, `max_drop` and `ratio` compare each candidate with itself in that earlier
    run, example by example; a baseline with other test data or other metric signatures is
    refused. Without it, they compare with what the suite says.

    The reports with this judgement go to RUN/gate/; in CI, the step summary and annotations are
    written too. Exit code as in `bench run`.
    """
    from benchmark.cli.earlier import find_baseline
    from benchmark.cli.runs import find_run, read_results
    from benchmark.core.regate import read_run, regate, write_reports
    from benchmark.reporters.ci import publish

    folder = find_run(reports, run)
    found = read_run(folder, read_results(folder))
    named = find_baseline(reports, found.suite.suite, baseline) if baseline else None
    results = regate(found, reports, named)
    publish(write_reports(found, results, folder / "gate"))
    for rule in results.gates:
        what = f"{rule.title}: {rule.reason}"
        click.echo(f"{rule.outcome.upper():<12} {what}")
    if not results.gates:
        click.echo("the suite has no gates")
    return results.exit_code
