"""`bench adapters diff`: in what two adapters differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from benchmark.cli.common import debug_option, reports_option


@click.command("diff")
@click.argument("left")
@click.argument("right")
@reports_option
@debug_option
def command(left: str, right: str, reports: Path) -> int:
    """Say in what LEFT and RIGHT differ: parameters, data, base, versions, results, scores."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from benchmark.core.adapters import diff, find
    from benchmark.reporters import format as fmt

    one, other = find(left, reports), find(right, reports)
    found = diff(one, other)
    if not found:
        click.echo("no difference")
        return 0
    table = Table(box=None, pad_edge=False)
    for name in ("", one.short, other.short):
        table.add_column(Text(fmt.one_line(name)), overflow="fold")
    for row in found:
        cells = (row.field, text_of(row.left), text_of(row.right))
        table.add_row(*(Text(fmt.one_line(cell)) for cell in cells))
    Console(highlight=False).print(table)
    return 0


def text_of(value: Any) -> str:
    """Return a value of a manifest; hashes cut to what tells them apart."""
    from benchmark.reporters import format as fmt

    if value is None:
        return fmt.NOTHING
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text[:12] if len(text) in (32, 64) and text.isalnum() else text
