"""`bench data clean`: rows dropped and repaired by named rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.common import debug_option

if TYPE_CHECKING:
    from benchmark.rows.clean import Rules
    from benchmark.rows.row import Row


@click.command("clean")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--on", multiple=True, help="Switch a rule on; may be given several times.")
@click.option("--off", multiple=True, help="Switch a rule off.")
@click.option("--min-words", type=click.IntRange(min=1), default=10, show_default=True,
              help="Words that an answer must have.")  # fmt: skip
@click.option(
    "--dropped",
    type=click.Path(path_type=Path),
    help="Where dropped rows go, with their reasons  [default: TARGET.dropped.jsonl]",
)
@click.option("--overwrite", is_flag=True, help="Replace the files if they are there.")
@debug_option
def command(
    source: Path,
    target: Path,
    on: tuple[str, ...],
    off: tuple[str, ...],
    min_words: int,
    dropped: Path | None,
    overwrite: bool,
) -> int:
    """Write the good rows of SOURCE to TARGET, and the others, with reasons, to another file.

    Rules: encoding_damage, whitespace (repairs); no_user_or_assistant, short_answer,
    exact_duplicate, duplicate_prompt; near_duplicate is off unless --on near_duplicate.
    """
    from itertools import chain
    from tempfile import TemporaryFile

    from benchmark.rows.clean import Dropped, clean
    from benchmark.rows.readers import read_rows, unbroken
    from benchmark.rows.row import Row
    from benchmark.rows.writers import write_rows

    rest = dropped or target.with_suffix(".dropped.jsonl")
    reasons, repaired = Counter[str](), 0

    def good() -> Iterator[Row]:
        nonlocal repaired
        for item in clean(rows, rules_of(on, off, min_words)):
            if isinstance(item, Dropped):
                reasons[item.rule] += 1
                lost.write(marked(item).model_dump_json().encode() + b"\n")
            else:
                repaired += bool(item.repairs)
                yield item.row

    rows = unbroken(read_rows(source))
    first = next(iter(rows), None)
    if first is None:
        click.echo(f"{source} has no rows")
        return 0
    rows = chain([first], rows)
    # Both files grow at once, and a bad file has more rows than memory: one waits on the disk.
    with TemporaryFile() as lost:
        kept = write_rows(good(), target, first.format, overwrite=overwrite)
        lost.seek(0)
        waiting = (Row.model_validate_json(line) for line in lost)
        dropped_rows = write_rows(waiting, rest, first.format, overwrite=overwrite)
    click.echo(f"{target}: {kept} rows kept, {repaired} of them repaired")
    click.echo(f"{rest}: {dropped_rows} rows dropped")
    for rule, number in reasons.most_common():
        click.echo(f"  {number:>7} {rule}")
    return 0


def marked(item: Any) -> Row:
    """Return a dropped row with its rule and reason among its fields."""
    row: Row = item.row
    why = {"rule": item.rule, "reason": item.reason}
    return row.model_copy(update={"extra": {**row.extra, "dropped": why}})


def rules_of(on: tuple[str, ...], off: tuple[str, ...], min_words: int) -> Rules:
    """Return the rules with some switched. Raises ConfigError for a name that is none."""
    from benchmark.errors import ConfigError
    from benchmark.registry import did_you_mean
    from benchmark.rows.clean import Rules

    known = [name for name, field in Rules.model_fields.items() if field.annotation is bool]
    for name in (*on, *off):
        if name not in known:
            hint = did_you_mean(name, known) or f"known: {', '.join(known)}"
            raise ConfigError(f"no rule {name!r}", hint=hint)
    switched = {**dict.fromkeys(on, True), **dict.fromkeys(off, False)}
    return Rules(**switched, min_words=min_words)
