"""`bench adapters merge` and `bench merge`: base and adapter in one model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from benchmark.cli.common import as_usage_error, debug_option, quiet_libraries, reports_option


@click.command("merge")
@click.argument("adapter")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--base", help="Package reference of the base  [default: what the adapter names]")
@click.option("--dtype", type=click.Choice(["float32", "bfloat16", "float16"]),
              help="Number format of the files  [default: that of the base's]")  # fmt: skip
@click.option("--prompts", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="File of prompts for the proof, one a line  [default: built in]")  # fmt: skip
@click.option("--tokens", type=click.IntRange(min=1), default=32, show_default=True,
              help="Greedy tokens after each prompt that must be equal.")  # fmt: skip
@reports_option
@debug_option
def command(
    adapter: str,
    target: Path,
    base: str | None,
    dtype: Any,
    prompts: Path | None,
    tokens: int,
    reports: Path,
) -> int:
    """Write base + ADAPTER as one model into the new folder TARGET, and prove it.

    Merged in float32: the greedy tokens must be those of base + adapter, or nothing is written.
    """
    quiet_libraries()
    from benchmark.cli.progress import Terminal
    from benchmark.core.adapters import find
    from benchmark.core.exchange import base_of
    from benchmark.models import local_model
    from benchmark.training.merge import PROMPTS, Proof, merge

    terminal = Terminal()
    with as_usage_error():
        entry = find(adapter, reports)
        model = local_model(base or base_of(entry), terminal)
        proof = Proof(read_prompts(prompts) if prompts else PROMPTS, tokens)
        done = merge(entry.path, model, target, dtype=dtype, proof=proof, progress=terminal)
    click.echo(f"{target}: {model.name} + {entry.short} ({done.method}) in {done.dtype}")
    moved = ""
    if done.adapter_effect is not None:
        moved = f" (the adapter moves them by {done.adapter_effect:.2g})"
    click.echo(
        f"  in float32: same {done.new_tokens} greedy tokens after all {done.prompts} prompts, "
        f"largest logit difference {done.logit_difference:.2g}{moved}"
    )
    click.echo(
        f"  as saved ({done.dtype}): same tokens after {done.saved_same_tokens:.0%} of prompts, "
        f"largest logit difference {done.saved_logit_difference:.2g}"
    )
    return 0


def read_prompts(path: Path) -> list[str]:
    """Return the lines of a file that are not empty. Raises StoreError if it is no text."""
    from benchmark.errors import StoreError

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is no UTF-8 text", hint="save it as UTF-8") from error
    found = [line for line in lines if line.strip()]
    if not found:
        raise StoreError(f"{path} has no prompt", hint="write one prompt a line")
    return found
