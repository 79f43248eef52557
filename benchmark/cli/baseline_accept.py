"""`bench baseline accept`: make a run the baseline of its suite."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import debug_option, reports_option


@click.command("accept")
@click.argument("run", required=False)
@click.option("--suite", help="The latest run of this suite, instead of RUN.")
@click.option("--all", "everything", is_flag=True, help="Keep every metric, not the gates' only.")
@click.option("--force", is_flag=True, help="Accept a run that is incomplete, too.")
@reports_option
@debug_option
def command(
    run: str | None, suite: str | None, everything: bool, force: bool, reports: Path
) -> int:
    """Write RUN to reports/baselines/SUITE.json; by default the latest run.

    The file keeps the metrics that the suite's gates judge and the primary one, with the
    statistics of every example. Commit it: a change of it is a change of what is good enough.
    """
    from benchmark.cli.baseline_show import shown_lines
    from benchmark.cli.runs import find_run, read_results
    from benchmark.core.baseline import from_run, kept_candidates, kept_metrics, path_of
    from benchmark.core.baseline_file import write
    from benchmark.errors import StoreError
    from benchmark.reporters import format as fmt
    from benchmark.suite_file import load_suite

    if run and suite:
        raise click.UsageError("name RUN or --suite, not both")
    folder = find_run(reports, run or suite)
    results = read_results(folder)
    if results.status != "complete" and not force:
        raise StoreError(
            f"run {results.run_id} is incomplete, so it is no measure for others",
            hint="run the suite again, or accept it knowingly with --force",
        )
    asked = load_suite(folder / "suite.yaml")
    metrics = None if everything else kept_metrics(asked, results)
    baseline = from_run(folder, results, metrics, kept_candidates(asked, results))
    path = path_of(reports, results.suite)
    write(baseline, path)
    for line in shown_lines(baseline, path):
        click.echo(line)
    if results.verdict != "pass":
        click.echo(f"note: this run's verdict was {results.verdict}; it is accepted all the same")
    if baseline.dirty:
        click.echo("note: commit your changes and run again, so that its commit says what ran")
    size = fmt.size(path.stat().st_size)
    click.echo(f"{size} written; commit it: git add {fmt.one_line(str(path))}")
    return 0
