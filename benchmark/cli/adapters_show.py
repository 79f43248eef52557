"""`bench adapters show`: all that is known of one adapter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.common import debug_option, reports_option

if TYPE_CHECKING:
    from benchmark.core.adapters import Entry
    from benchmark.manifests import AdapterOrigin, TrainingManifest


@click.command("show")
@click.argument("adapter")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@reports_option
@debug_option
def command(adapter: str, as_json: bool, reports: Path) -> int:
    """Say from what ADAPTER was made, what it cost, and every evaluation it got.

    ADAPTER is the first digits of a key, a folder, or SUITE:CANDIDATE.
    """
    from benchmark.core.adapters import find
    from benchmark.reporters import format as fmt

    entry = find(adapter, reports)
    if as_json:
        click.echo(entry.model_dump_json(indent=2))
        return 0
    for name, value in facts(entry):
        click.echo(f"{name:<16} {fmt.one_line(value)}")
    click.echo("")
    if not entry.evaluations:
        click.echo("no run has evaluated it yet")
    for row in entry.evaluations:
        line = f"{row.suite}:{row.candidate} {row.run_id}: {row.verdict}, n={row.n}"
        if row.changed is not None:
            line += f", {fmt.percent(row.changed)} of answers differ from the baseline's"
        click.echo(fmt.one_line(line))
        for label, (score, low, high) in row.scores.items():
            decimals = fmt.decimals_for(label, "", [score, low, high])
            shown = f"{fmt.number(score, decimals)} {fmt.interval(low, high, decimals)}".rstrip()
            click.echo(f"  {fmt.one_line(label, 40):<24} {shown}")
    return 0


def facts(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of what is known, and of nothing else."""
    from benchmark.cli.adapters import size_text

    yield "key", entry.key or "not in the cache"
    yield "folder", str(entry.path)
    yield "size", size_text(entry.size)
    if entry.problem:
        yield "problem", entry.problem
    if entry.imported:
        yield from _imported(entry.imported, alone=entry.manifest is None)
    if entry.manifest:
        yield from _trained(entry.manifest)
    if not (entry.imported or entry.manifest):
        yield "manifest", "none: nothing is known of its training"


def _imported(origin: AdapterOrigin, *, alone: bool) -> Iterator[tuple[str, str]]:
    from benchmark.reporters import format as fmt

    yield "imported", f"{fmt.moment(origin.imported)} from {origin.source}"
    if not alone:  # the manifest says the rest, and better
        return
    yield "method", origin.method
    yield "base", origin.base or "it names none"
    yield "base SHA-256", origin.base_sha256 or "not known"
    yield "adapter SHA-256", origin.adapter_sha256
    yield "trained", f"{fmt.count(origin.trainable_parameters)} parameters"
    yield "training", "not known: it came without a manifest"


def _trained(made: TrainingManifest) -> Iterator[tuple[str, str]]:
    from benchmark.cli.adapters import size_text, state
    from benchmark.reporters import format as fmt

    yield "method", f"{made.method} ({made.objective})"
    yield "base", made.base
    yield "base SHA-256", made.base_sha256
    yield "adapter SHA-256", made.adapter_sha256
    yield "data SHA-256", made.data_sha256
    cut, lost = fmt.count(made.rows_truncated), fmt.count(made.rows_without_loss)
    yield "rows", f"{fmt.count(made.rows)} ({cut} cut, {lost} left out), {made.tokens} tokens"
    share = fmt.percent(made.trainable_parameters / max(1, made.total_parameters), 2)
    trained, total = fmt.count(made.trainable_parameters), fmt.count(made.total_parameters)
    yield "trained", f"{trained} of {total} parameters ({share})"
    yield "parameters", ", ".join(f"{name}={value}" for name, value in made.parameters.items())
    yield "seed", str(made.seed)
    if made.curve:
        first, last = made.curve[0], made.curve[-1]
        ends = f"{fmt.number(first.loss)} at step {first.step}"
        yield "loss", f"{ends}, {fmt.number(last.loss)} at step {last.step}"
    best = f", best at step {made.best_step}" if made.best_step else ""
    early = ", stopped early" if made.stopped_early else ""
    yield "eval loss", f"{fmt.number(made.eval_loss)}{best}{early}"
    if made.overfitting:
        yield "overfitting", made.overfitting
    speed = made.tokens / made.seconds if made.seconds else None
    yield "time", f"{fmt.duration(made.seconds)}, {fmt.number(speed, 0)} tokens/s"
    if made.peak_memory:
        yield "peak memory", size_text(made.peak_memory)
    hardware = f"{made.hardware} " if made.hardware else ""
    yield (
        "hardware",
        f"{hardware}{made.device}, {made.dtype}, {fmt.plural(made.processes, 'process')}",
    )
    yield "versions", ", ".join(f"{name} {found}" for name, found in made.versions.items())
    yield "git", f"{made.commit or ''} {state(made.commit, made.dirty)}".strip()
    yield "made", fmt.moment(made.created)
