"""`bench compare`: two runs, example by example."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import debug_option, reports_option


@click.command("compare")
@click.argument("run_a")
@click.argument("run_b")
@click.option("--pair", "pairs", multiple=True, metavar="A=B", help="Candidate A with candidate B.")
@click.option("--force", is_flag=True, help="Compare numbers of different signatures, marked.")
@click.option(
    "-o",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write Markdown (.md) or JSON (.json) to this file, too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, nothing else.")
@reports_option
@debug_option
def command(
    run_a: str,
    run_b: str,
    pairs: tuple[str, ...],
    force: bool,
    output: Path | None,
    as_json: bool,
    reports: Path,
) -> int:
    """Compare RUN_B with RUN_A on the examples that both asked.

    Says first what differs in data, models, parameters and versions. Numbers whose metrics have
    different signatures are not compared. Then lists the answers that flipped.
    """
    from benchmark.cli.runs import find_run, read_results
    from benchmark.core.contrast import contrast
    from benchmark.core.regate import read_run
    from benchmark.reporters.files import write_text
    from benchmark.reporters.runs import markdown, text_lines

    if output is not None and output.suffix not in (".md", ".json"):
        raise click.UsageError("-o writes .md or .json")
    chosen = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if len(chosen) < len(pairs):
        raise click.UsageError("--pair is A=B, and each A is named once")
    folders = [find_run(reports, name) for name in (run_a, run_b)]
    left, right = (read_run(folder, read_results(folder)) for folder in folders)
    found = contrast(left, right, chosen, force=force)
    text = found.model_dump_json(indent=2) + "\n"
    if output is not None:
        write_text(output, text if output.suffix == ".json" else markdown(found))
    if as_json:
        click.echo(text, nl=False)
    else:
        for line in text_lines(found):
            click.echo(line)
    return 0
