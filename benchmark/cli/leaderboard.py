"""`bench leaderboard`: finished runs beside each other, over suites, adapters and time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.common import debug_option, reports_option

if TYPE_CHECKING:
    from benchmark.history import History

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("leaderboard")
@click.argument("suite", required=False)
@click.option("--suite", "named", metavar="NAME", help="Only this suite; the same as SUITE.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="A number to follow, or a pattern ('rouge*'); may be given several times.",
)
@click.option("--html", type=FILE, help="Write a page with charts to this file.")
@click.option("--csv", type=FILE, help="Write one row a number, candidate and run to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, nothing else.")
@reports_option
@debug_option
def command(
    suite: str | None,
    named: str | None,
    metrics: tuple[str, ...],
    html: Path | None,
    csv: Path | None,
    as_json: bool,
    reports: Path,
) -> int:
    """Show who is best in each suite over all finished runs, and where a number got worse.

    Numbers are followed over runs that answered the same test data and were measured in the same
    way; other runs stand apart, with the reason. Without --metric these are the suite's first
    number and those that its gates judge.

    Example: bench leaderboard legi --metric 'rouge*' --html board.html
    """
    from benchmark.core.history import history

    if suite and named and suite != named:
        raise click.UsageError(f"SUITE is {suite!r} and --suite is {named!r}: name one")
    found = history(reports, suite or named, metrics)
    _write(found, html, csv)
    if as_json:
        from benchmark.reporters.json_file import text_of_record

        click.echo(text_of_record(found), nl=False)
    else:
        _print(found)
        for path in filter(None, (html, csv)):
            click.echo(f"wrote {path}")
    return 0


def _write(found: History, html: Path | None, csv: Path | None) -> None:
    if html is not None:
        from benchmark.reporters.files import write_text
        from benchmark.reporters.history_page import page

        write_text(html, page(found))
    if csv is not None:
        from benchmark.reporters.history_rows import COLUMNS, rows
        from benchmark.reporters.tables import write_csv

        write_csv(csv, list(COLUMNS), rows(found))


def _print(found: History) -> None:
    from rich.console import Console

    from benchmark.reporters.history_console import parts

    console = Console(highlight=False)
    for part in parts(found, console.width):
        console.print(part)
