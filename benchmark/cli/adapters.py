"""`bench adapters`: what has been trained, where it came from, how it has done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli import LazyGroup
from benchmark.cli.common import debug_option

if TYPE_CHECKING:
    from rich.table import Table

    from benchmark.core.adapters import Entry

TABLE = {
    "show": "Say all that is known of one adapter.",
    "diff": "Say in what two adapters differ.",
    "export": "Copy one to a folder or a .tar.gz file.",
    "merge": "Write base and adapter as one model, with proof that it answers the same.",
    "import": "Check one from elsewhere and put it into the cache.",
}
_HEAD = ("key", "method", "base", "rows", "eval loss", "trained", "size", "age", "runs", "git")
_LEFT = ("key", "method", "base", "git")


@click.group(
    "adapters",
    cls=LazyGroup,
    table=TABLE,
    prefix="benchmark.cli.adapters_",
    invoke_without_command=True,
    help="""List the adapters in the cache, the newest first.

    A command takes an adapter as the first digits of its KEY, as a folder, or as
    SUITE:CANDIDATE for what this candidate used in the suite's latest run.
    """,
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@debug_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """List the adapters in the cache."""
    if context.invoked_subcommand:
        return 0
    from benchmark.core.adapters import Entry, entries

    found = entries()
    if as_json:
        from pydantic import TypeAdapter

        click.echo(TypeAdapter(list[Entry]).dump_json(found, indent=2).decode())
        return 0
    if not found:
        click.echo("no adapter in the cache; `bench run` trains them")
        return 0
    from rich.console import Console

    console = Console(highlight=False)
    console.print(table_of(found))
    for entry in found:
        if entry.problem:
            from benchmark.reporters import format as fmt

            click.echo(f"{entry.short}: {fmt.one_line(entry.problem)}")
    return 0


def table_of(found: Sequence[Entry]) -> Table:
    """Return one line an adapter; text of others is cleaned, and never read as markup."""
    from datetime import UTC, datetime

    from rich.table import Table
    from rich.text import Text

    from benchmark.core.adapters import SHORT

    table = Table(box=None, pad_edge=False)
    for name in _HEAD:
        # In a narrow terminal the base gives way: a key that is cut is no key.
        table.add_column(
            Text(name),
            justify="left" if name in _LEFT else "right",
            no_wrap=name != "base",
            overflow="fold" if name == "base" else "ellipsis",
            min_width=SHORT if name == "key" else None,
        )
    now = datetime.now(UTC)
    for entry in found:
        table.add_row(*(Text(cell) for cell in _cells(entry, now)))
    return table


def _cells(entry: Entry, now: Any) -> list[str]:
    from benchmark.core.adapters import born
    from benchmark.reporters import format as fmt

    made, origin = entry.manifest, entry.imported
    known = made or origin
    return [
        entry.short,
        fmt.one_line(known.method, 14) if known else fmt.NOTHING,
        fmt.one_line(base_name(known.base), 26) if known else fmt.NOTHING,
        fmt.count(made.rows) if made else fmt.NOTHING,
        fmt.number(made.eval_loss) if made else fmt.NOTHING,
        short_count(known.trainable_parameters) if known else fmt.NOTHING,
        size_text(entry.size),
        age(born(entry), now),
        fmt.count(len(entry.evaluations)),
        "imported" if origin else state(made.commit, made.dirty) if made else fmt.NOTHING,
    ]


def base_name(reference: str) -> str:
    """Return the last part of a base's reference, for a narrow column."""
    return reference.rstrip("/").rpartition("/")[2].removesuffix(".gguf") or reference


def short_count(value: int) -> str:
    """Return "884", "12.3 k", "4.9 M", "3.1 G"."""
    number = float(value)
    for unit in ("", "k", "M"):
        if number < 999.5:
            return f"{number:.1f} {unit}" if unit else str(value)
        number /= 1000
    return f"{number:.1f} G"


def size_text(size: int) -> str:
    """Return bytes as "512 B", "19.6 MB"."""
    text = short_count(size)
    return text + ("B" if text[-1].isalpha() else " B")


def age(iso: str, now: Any) -> str:
    """Return how long ago an ISO time was: "5 min", "3 h", "12 d"; "–" if it is none."""
    from datetime import datetime

    try:
        seconds = (now - datetime.fromisoformat(iso)).total_seconds()
    except (ValueError, TypeError):
        return "–"
    for limit, unit in ((3600, 60), (86_400, 3600)):
        if seconds < limit:
            return f"{max(0, int(seconds // unit))} {'min' if unit == 60 else 'h'}"
    return f"{int(seconds // 86_400)} d"


def state(commit: str | None, dirty: bool | None) -> str:
    """Return "clean", "dirty" where the checkout had changes, or "–" outside git."""
    return "–" if commit is None else "dirty" if dirty else "clean"
