"""`bench cache`: what the cache holds, and taking out what is old."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from benchmark.cli.common import debug_option
from benchmark.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmark.core.pruning import Artefact

UNITS = {"h": 3600, "d": 86_400, "w": 604_800}


@click.command("cache")
@click.option("--prune", is_flag=True, help="Say what would be removed; with --yes remove it.")
@click.option("--older-than", metavar="AGE", help="Only what was written longer ago: 12h, 30d, 8w.")
@click.option("--kind", metavar="KIND", help="Only this kind, as `bench cache` names it.")
@click.option("--yes", is_flag=True, help="Really remove.")
@debug_option
def command(prune: bool, older_than: str | None, kind: str | None, yes: bool) -> int:
    """Say how much of each kind the cache holds, and remove what is old.

    Everything in it can be made or fetched again; trained adapters and paid answers are removed
    only where --kind names them.
    """
    import time

    from benchmark.core.pruning import artefacts, old, remove
    from benchmark.core.store import Cache
    from benchmark.reporters import format as fmt

    if prune and not (older_than or kind):
        raise BenchError("--prune needs --older-than AGE or --kind KIND")
    if yes and not prune:
        raise BenchError("--yes goes with --prune")
    now, found = time.time(), artefacts(kind)
    if older_than:
        found = [one for one in found if one.used < now - seconds(older_than)]
    if not prune:
        click.echo(f"{Cache().root}")
        for line in table(found, now):
            click.echo(line)
        return 0
    chosen = old(found, now + 1, kind)
    size = fmt.size(sum(one.size for one in chosen))
    for line in table(chosen, now):
        click.echo(line)
    if not yes:
        what = fmt.plural(len(chosen), "artefact")
        click.echo(f"would remove {what}, {size}; add --yes to do it")
        return 0
    left = remove(chosen)
    click.echo(f"removed {fmt.plural(len(chosen) - len(left), 'artefact')}")
    for one in left:
        click.echo(f"left, for another process uses it: {one.path}", err=True)
    return 0


def seconds(age: str) -> float:
    """Return an age such as "30d" in seconds. Raises BenchError."""
    match = re.fullmatch(r"(\d{1,6})([hdw])", age.strip())
    if match is None:
        raise BenchError(f"--older-than {age!r} is no age; write 12h, 30d or 8w")
    return float(match[1]) * UNITS[match[2]]


def table(found: Sequence[Artefact], now: float) -> Iterator[str]:
    """Yield one line a kind: how many, how large, how old."""
    from benchmark.reporters import format as fmt

    for kind in sorted({one.kind for one in found}):
        mine = [one for one in found if one.kind == kind]
        size = fmt.size(sum(one.size for one in mine))
        ages = " to ".join(dict.fromkeys(_age(now - one.used) for one in (mine[-1], mine[0])))
        yield f"  {kind:<14} {len(mine):>7} {size:>10}   {ages} old"
    yield f"  {'in all':<14} {len(found):>7} {fmt.size(sum(one.size for one in found)):>10}"


def _age(passed: float) -> str:
    days, hours = passed / UNITS["d"], passed / UNITS["h"]
    return f"{days:.0f} days" if days >= 2 else f"{max(0, hours):.0f} h"
