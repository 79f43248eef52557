"""`bench run`: the whole suite."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.common import candidates_option, debug_option, quiet_libraries, reports_option
from benchmark.cli.earlier import HELP

if TYPE_CHECKING:
    from benchmark.suite import Suite


@click.command("run")
@click.argument("suite", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--limit", type=click.IntRange(min=1), help="Use only the first N test examples.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and how long it takes.")
@click.option("--json", "as_json", is_flag=True, help="Print results.json on stdout, nothing else.")
@click.option("--baseline", metavar="FILE|RUN|SHA", help=HELP)
@click.option("--events", type=click.Path(path_type=Path), hidden=True)
@click.option(
    "--executor",
    metavar="NAME",
    help="Where the work is done: local, or ray (a cluster). Its settings are the suite's.",
)
@candidates_option
@reports_option
@debug_option
def command(
    suite: Path,
    overrides: tuple[str, ...],
    limit: int | None,
    dry_run: bool,
    as_json: bool,
    baseline: str | None,
    events: Path | None,
    executor: str | None,
    max_candidates: int,
    reports: Path,
) -> int:
    """Train, answer, score, compare and report SUITE.

    KEY=VALUE changes one key of the suite: candidates.lora.train.r=8. A list of values for a
    training parameter makes a candidate of each: candidates.lora.train.r=[8,16]

    Everything is cached by content: the same command again computes nothing, and one that
    was interrupted goes on where it stopped.
    """
    quiet_libraries()
    from benchmark.cli.events import Events
    from benchmark.cli.progress import Terminal
    from benchmark.core.plan import make_plan
    from benchmark.core.run import run
    from benchmark.suite_file import load_suite

    # First: its settings may be among the others.
    extra = [
        *([f"executor.use={executor}"] if executor else []),
        *overrides,
        *([f"limit={limit}"] if limit else []),
    ]
    plan = make_plan(load_suite(suite, extra, max_candidates=max_candidates))
    terminal = Events(events) if events else Terminal()
    if dry_run:
        from benchmark.cli.preview import show_preview
        from benchmark.core.preview import preview

        show_preview(preview(plan, terminal), as_json=as_json)
        return 0
    earlier = None
    if baseline:
        from benchmark.cli.earlier import find_baseline

        earlier = find_baseline(reports, plan.suite.suite, baseline)
    with terminal:
        results = run(
            plan,
            reports=reports,
            progress=terminal,
            command=typed(),
            show=not as_json,
            earlier=earlier,
        )
    tell_ci(reports / results.suite / results.run_id, plan.suite)
    if not any(results.computed.values()):
        terminal.say("nothing was computed: everything was in the cache")
    if as_json:
        from benchmark.reporters.json_file import text_of

        click.echo(text_of(results), nl=False)
    return results.exit_code


def tell_ci(folder: Path, suite: Suite) -> None:
    """Write what CI shows, where the environment names a place for it."""
    import os

    if not os.environ.keys() & {"GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS"}:
        return
    from benchmark.cli.runs import read_results
    from benchmark.core.regate import read_run, report_of
    from benchmark.reporters.ci import publish

    results = read_results(folder)
    lines = suite.origin.lines
    places = {name: lines["gates", name] for name in suite.gates if ("gates", name) in lines}
    publish(report_of(read_run(folder, results), results, folder), places)


def typed() -> str:
    """Return the command line as it was typed, for the record."""
    import shlex

    return shlex.join(["bench", *sys.argv[1:]])
