"""`bench data check`: what is wrong with rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.common import debug_option, quiet_libraries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.rows.checks import Checked
    from benchmark.rows.row import Row

COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}


@click.command("check")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--model", help="Count tokens by this model's tokenizer (a package reference).")
@click.option("--max-length", type=click.IntRange(min=8), help="Tokens a row may have in training.")
@click.option("--off", multiple=True, help="Leave this check out; may be given several times.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@debug_option
def command(
    source: Path,
    overrides: tuple[str, ...],
    model: str | None,
    max_length: int | None,
    off: tuple[str, ...],
    as_json: bool,
) -> int:
    """Say what is wrong with the rows of SOURCE: a file, a folder, or a suite (.yaml).

    Of a suite, its data set is checked, by the tokens of its model and its `max_length`;
    KEY=VALUE changes a key of it.
    Exit code 1 if there is an error, 0 if there are only warnings or nothing.
    """
    quiet_libraries()
    from benchmark.rows.checks import check

    if source.suffix in (".yaml", ".yml"):
        rows, model, max_length = of_suite(source, overrides, model, max_length)
    else:
        from benchmark.rows.readers import read_rows, unbroken

        rows = unbroken(read_rows(source))
    checked = check(rows, tokenizer=tokenizer(model), max_length=max_length, off=off)
    if as_json:
        click.echo(checked.model_dump_json(indent=2))
    else:
        show(checked)
    return int(any(finding.severity == "error" for finding in checked.findings))


def of_suite(
    source: Path, overrides: tuple[str, ...], model: str | None, max_length: int | None
) -> tuple[Iterable[Row], str | None, int | None]:
    """Return a suite's rows, its model and the longest row that its trainings take."""
    from benchmark.cli.progress import Terminal
    from benchmark.core.data import rows_of
    from benchmark.core.plan import make_plan
    from benchmark.plugins import trainable
    from benchmark.suite_file import load_suite

    plan = make_plan(load_suite(source, overrides))
    loaded = plan.dataset.load(Terminal())
    click.echo(f"{len(loaded.examples):>8,} rows kept", err=True)
    for reason, count in sorted(loaded.dropped.items()):
        click.echo(f"{count:>8,} dropped: {reason}", err=True)
    lengths = [c.spec.train.max_length for c in plan.candidates if c.spec.train]
    local = [c.backend for c in plan.candidates if trainable(c.backend) and not c.spec.backend]
    named = model or next((str(getattr(found, "model", "")) for found in local), None)
    return rows_of(loaded.examples), named, max_length or min(lengths, default=None)


def tokenizer(model: str | None) -> Any:
    """Return a model's tokenizer; None where no model is named or it cannot be had here."""
    if model is None:
        return None
    from transformers import AutoTokenizer

    from benchmark.cli.progress import Terminal
    from benchmark.errors import FetchError
    from benchmark.models import local_model_dir

    try:
        return AutoTokenizer.from_pretrained(local_model_dir(model, Terminal()))
    except FetchError as error:
        click.echo(f"lengths are in words only: {error}", err=True)
        return None


def show(checked: Checked) -> None:
    """Print findings, the gravest first, and the lengths of the rows."""
    from benchmark.reporters.markdown_data import bar

    for finding in checked.findings:
        severity = click.style(f"{finding.severity:<8}", fg=COLOURS[finding.severity])
        click.echo(f"{severity} {finding.check:<22} {finding.count:>7}  {finding.message}")
    if not checked.findings:
        click.echo("nothing found")
    for length in checked.lengths:
        if length.counts:
            bars = "".join(bar(count, max(length.counts)) for count in length.counts)
            about = f"{length.shortest} to {length.longest}, median {length.median:.0f}"
            click.echo(f"{length.side:<6} |{bars}| {about} {length.unit}")
    click.echo(f"{checked.rows:,} rows in {checked.seconds:.1f} s")
