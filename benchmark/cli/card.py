"""`bench card`: a model card of an adapter, with its evaluation in the metadata."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import debug_option, reports_option


@click.command("card")
@click.argument("adapter")
@click.argument("run", required=False)
@click.option(
    "-o",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file; otherwise the card is printed.",
)
@click.option("--language", multiple=True, metavar="CODE", help="Of its answers, such as fr.")
@click.option("--license", default="", metavar="ID", help="Of its weights, such as apache-2.0.")
@reports_option
@debug_option
def command(
    adapter: str,
    run: str | None,
    output: Path | None,
    language: tuple[str, ...],
    license: str,
    reports: Path,
) -> int:
    """Write a Hugging Face model card of ADAPTER: numbers, intervals, training, limits, leaks.

    ADAPTER is the first digits of a key, a folder, or SUITE:CANDIDATE. RUN is the run that
    evaluated it; by default the newest that did.

    Example: bench card legi:lora -o README.md
    """
    from benchmark.core.adapters import find
    from benchmark.core.card import card
    from benchmark.reporters.files import write_text

    made = card(find(adapter, reports), reports, run, language=language, license=license)
    if output is None:
        click.echo(made, nl=False)
    else:
        write_text(output, made)
        click.echo(f"wrote {output}")
    return 0
