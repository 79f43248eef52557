"""`bench adapters import`: one adapter from elsewhere into the cache."""

from __future__ import annotations

import click

from benchmark.cli.common import as_usage_error, debug_option, quiet_libraries


@click.command("import")
@click.argument("source")
@click.option("--base", help="Package reference of its base: names and shapes are checked too.")
@debug_option
def command(source: str, base: str | None) -> int:
    """Check the adapter in SOURCE, a folder or .tar.gz file, and put it into the cache.

    Damaged files, pickles, links and values that are no numbers are refused.
    """
    quiet_libraries()
    from benchmark.cli.progress import Terminal
    from benchmark.core.exchange import take_in
    from benchmark.models import local_model
    from benchmark.reporters import format as fmt

    with as_usage_error():
        done = take_in(source, local_model(base, Terminal()) if base else None)
    state = "imported" if done.new else "was in the cache already"
    click.echo(f"{done.entry.key} {state}; use it as `adapter: cache:{done.entry.short}`")
    if done.left_out:
        click.echo(fmt.one_line(f"left out: {', '.join(done.left_out)}"))
    return 0
