"""`bench adapters export`: one adapter to a folder or an archive."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import as_usage_error, debug_option, quiet_libraries, reports_option


@click.command("export")
@click.argument("adapter")
@click.argument("target", type=click.Path(path_type=Path))
@reports_option
@debug_option
def command(adapter: str, target: Path, reports: Path) -> int:
    """Copy ADAPTER to TARGET: weights, configuration, manifest, evaluations.

    TARGET is a new folder, or a new file if it ends in .tar.gz; nothing is overwritten.
    """
    quiet_libraries()
    from benchmark.core.adapters import find
    from benchmark.core.exchange import export

    with as_usage_error():
        names = export(find(adapter, reports), target)
    click.echo(f"{target}: {', '.join(names)}")
    return 0
