"""The table of `bench run --dry-run`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from benchmark.cli.said import friendly

if TYPE_CHECKING:
    from benchmark.core.preview import Step


def show_preview(steps: Sequence[Step], *, as_json: bool) -> None:
    """Print the steps of a run, and the sum of their estimates."""
    if as_json:
        import json

        click.echo(json.dumps([step._asdict() for step in steps], indent=2))
        return
    width = max(len(step.name) for step in steps)
    for step in steps:
        seconds = f", about {friendly(step.seconds)}" if step.seconds else ""
        click.echo(f"{step.name:<{width}}  {step.state}{seconds}: {step.what}")
    total = sum(step.seconds or 0 for step in steps)
    if total:
        click.echo(f"about {friendly(total)} in all, fetching and scoring not counted")
    click.echo("dry run: nothing was fetched, trained or written")
