"""`bench ls`: the plugins, where they come from, and their parameters."""

from __future__ import annotations

import click

from benchmark.cli.common import debug_option

KINDS = ("metrics", "judges", "backends", "datasets", "reporters", "executors")


@click.command("ls")
@click.argument("kind", required=False, type=click.Choice(KINDS))
@click.argument("name", required=False)
@debug_option
def command(kind: str | None, name: str | None) -> int:
    """List plugins of KIND (all kinds by default), or the parameters of the one called NAME."""
    from benchmark.plugins import REGISTRIES

    if kind and name:
        describe(kind, name)
        return 0
    for found in [kind] if kind else KINDS:
        click.echo(click.style(found, bold=True))
        for entry in REGISTRIES[found].entries():
            click.echo(f"  {entry.name:<18} {entry.origin:<12} {summary(found, entry.name)}")
    return 0


def summary(kind: str, name: str) -> str:
    """Return the first line of a plugin's docstring, or why it cannot be loaded."""
    from benchmark.errors import BenchError
    from benchmark.plugins import REGISTRIES

    try:
        return (REGISTRIES[kind].load(name).__doc__ or "").strip().split("\n")[0]
    except BenchError as error:
        return str(error)


def describe(kind: str, name: str) -> None:
    """Print a plugin's docstring and its parameters with types and defaults."""
    import inspect

    from benchmark.plugins import REGISTRIES
    from benchmark.registry import parameters

    cls = REGISTRIES[kind].load(name)
    click.echo(f"{click.style(name, bold=True)}  ({cls.__module__}:{cls.__qualname__})\n")
    click.echo(inspect.getdoc(cls) or "")
    rows = parameters(cls)
    click.echo("\nType and default:" if rows else "\nNo parameters.")
    for field, kind_of, default in rows:
        given = "required" if default is ... else f"default {default!r}"
        click.echo(f"  {field:<18} {kind_of:<24} {given}")
