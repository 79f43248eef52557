"""`bench data augment`: more rows by a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.common import debug_option, quiet_libraries

if TYPE_CHECKING:
    from benchmark.plugins import Backend


@click.command("augment")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(["paraphrase", "variation"]), default="paraphrase",
              show_default=True, help="Reword questions, or vary question and answer.")  # fmt: skip
@click.option("-n", "count", type=click.IntRange(1, 20), default=3, show_default=True,
              help="New rows asked for each row.")  # fmt: skip
@click.option("--backend", default=None, metavar="YAML",
              help="Who writes them, as in a suite  [default: the small local model]")  # fmt: skip
@click.option("--template", default="chat", show_default=True, help="Its prompt template.")
@click.option("--budget", type=click.IntRange(min=1), help="Tokens that may be made in all.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace TARGET if it is there.")
@debug_option
def command(
    source: Path,
    target: Path,
    kind: str,
    count: int,
    backend: str | None,
    template: str,
    budget: int | None,
    seed: int,
    overwrite: bool,
) -> int:
    """Let a model reword the rows of SOURCE; write old and new rows to TARGET.

    Rows marked `split: test` or `validation` are left alone. Each new row says where it came
    from, and keeps its source's group. Answers are kept: the same command again, or one with a
    larger --budget, asks only what was not asked. Exit code 4 if the budget ran out.
    """
    quiet_libraries()
    from benchmark.cli.progress import Terminal
    from benchmark.core.augment import Wanted, augment
    from benchmark.errors import ExitCode
    from benchmark.prompts import Template
    from benchmark.rows.readers import read_all
    from benchmark.rows.writers import write_rows
    from benchmark.suite import Decoding

    rows = read_all(source)
    decoding = Decoding(max_new_tokens=256, temperature=0.8, top_p=0.95, seed=seed, batch_size=16)
    wanted = Wanted("variation" if kind == "variation" else "paraphrase", count, decoding, budget)
    made = augment(rows, wanted, author(backend), Template.model_validate(template), Terminal())
    write_rows([*rows, *made.rows], target, rows[0].format, overwrite=overwrite)
    click.echo(f"{target}: {len(rows)} rows and {len(made.rows)} new ones; {made.tokens} tokens")
    for reason, number in sorted(made.dropped.items()):
        click.echo(f"  {number} answers gave no row: {reason}")
    if made.skipped:
        click.echo(f"  {made.skipped} rows left alone: not on the train side, or no question")
    if made.unasked:
        click.echo(
            f"  {made.unasked} questions not asked: the budget of {budget} tokens is used up"
        )
        return ExitCode.INCOMPLETE
    return ExitCode.PASS


def author(text: str | None) -> Backend:
    """Return the backend that a line of YAML names. Raises ConfigError."""
    from benchmark.cli.init import MODEL
    from benchmark.core.plan import build_backend
    from benchmark.errors import ConfigError
    from benchmark.yaml_lines import parse_value

    value, problems = parse_value(text or f"{{use: hf, model: '{MODEL}'}}", "--backend")
    if problems:
        raise ConfigError(problems)
    return build_backend(value)
