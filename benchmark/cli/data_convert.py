"""`bench data convert`: rows in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from benchmark.cli.common import debug_option

if TYPE_CHECKING:
    from benchmark.rows.row import Format

FORMATS = ("alpaca", "completion", "chat", "preference", "text")


@click.command("convert")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--to", "to", type=click.Choice(FORMATS), required=True, help="Format of TARGET.")
@click.option("--skip-broken", is_flag=True, help="Leave out rows that cannot be read.")
@click.option("--overwrite", is_flag=True, help="Replace TARGET if it is there.")
@debug_option
def command(source: Path, target: Path, to: str, skip_broken: bool, overwrite: bool) -> int:
    """Write the rows of SOURCE to TARGET in another format, losslessly.

    The suffix of TARGET says what kind of file it will be: .jsonl, .json, .csv, .parquet.
    """
    from benchmark.rows.writers import convert

    done = convert(source, target, cast("Format", to), overwrite=overwrite, skip_broken=skip_broken)
    click.echo(f"{target}: {done.written} rows as {to}")
    if done.kept:
        click.echo(f"  {done.kept} of them keep in `_bench` what {to} cannot say")
    if done.broken:
        click.echo(f"  {done.broken} broken rows were left out")
    return 0
