"""`bench run`: the whole suite."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from benchmark.cli.common import candidates_option, debug_option, quiet_libraries, reports_option


@click.command("run")
@click.argument("suite", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--limit", type=click.IntRange(min=1), help="Use only the first N test examples.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and how long it takes.")
@click.option("--json", "as_json", is_flag=True, help="Print results.json on stdout, nothing else.")
@candidates_option
@reports_option
@debug_option
def command(
    suite: Path,
    overrides: tuple[str, ...],
    limit: int | None,
    dry_run: bool,
    as_json: bool,
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
    from benchmark.cli.progress import Terminal
    from benchmark.core.plan import make_plan
    from benchmark.core.run import run
    from benchmark.suite_file import load_suite

    extra = [*overrides, *([f"limit={limit}"] if limit else [])]
    plan = make_plan(load_suite(suite, extra, max_candidates=max_candidates))
    terminal = Terminal()
    if dry_run:
        from benchmark.cli.preview import show_preview
        from benchmark.core.preview import preview

        show_preview(preview(plan, terminal), as_json=as_json)
        return 0
    results = run(plan, reports=reports, progress=terminal, command=typed(), show=not as_json)
    if not any(results.computed.values()):
        terminal.say("nothing was computed: everything was in the cache")
    if as_json:
        from benchmark.reporters.json_file import text_of

        click.echo(text_of(results), nl=False)
    return results.exit_code


def typed() -> str:
    """Return the command line as it was typed, for the record."""
    import shlex

    return shlex.join(["bench", *sys.argv[1:]])
