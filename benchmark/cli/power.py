"""`bench power`: what a suite's test set can show, before it is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.common import debug_option, quiet_libraries, reports_option

if TYPE_CHECKING:
    from benchmark.core.power import Power


@click.command("power")
@click.argument("suite", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--run", "run", help="Earlier run to learn from. [default: the suite's latest]")
@click.option("-n", "--examples", type=click.IntRange(min=2), help="Test examples to count on.")
@click.option(
    "--power",
    "chance",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.8,
    show_default=True,
    help="Chance to find a difference that is there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@reports_option
@debug_option
def command(
    suite: Path,
    overrides: tuple[str, ...],
    run: str | None,
    examples: int | None,
    chance: float,
    as_json: bool,
    reports: Path,
) -> int:
    """Say which differences SUITE can show, and how many examples its gates need.

    How much answers vary is taken from an earlier run of the suite; without one, only the worst
    case is known. Fetches nothing, runs nothing.
    """
    quiet_libraries()
    from benchmark.cli.progress import Terminal
    from benchmark.cli.runs import all_runs, find_run
    from benchmark.core.plan import make_plan
    from benchmark.core.power import forecast
    from benchmark.suite_file import load_suite

    plan = make_plan(load_suite(suite, list(overrides)))
    known = [find_run(reports, run)] if run else all_runs(reports, plan.suite.suite)[-1:]
    earlier = (known[0].name, known[0]) if known else None
    found = forecast(plan, earlier, examples=examples, power=chance, progress=Terminal())
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        _show(found, suite)
    return 0


def _show(found: Power, suite: Path) -> None:
    from benchmark.reporters import format as fmt

    chance, alpha = fmt.percent(found.power), fmt.percent(found.alpha)
    if found.examples is None:
        click.echo(
            "how many test examples there are is not known before the data are fetched; say -n"
        )
    else:
        clusters = fmt.plural(found.clusters or 0, "cluster")
        click.echo(f"{fmt.plural(found.examples, 'test example')} in {clusters}")
    if found.worst is not None:
        click.echo(
            f"at worst, a yes/no score shows a difference of {found.worst:.2g} "
            f"({chance} power, {alpha} level); no score between 0 and 1 varies more"
        )
    if found.run and not found.numbers:
        click.echo(f"{found.run} has no candidate to compare with the baseline")
    elif found.run:
        click.echo(f"as varied as in {found.run}:")
        _table(
            ["number", "candidate", "difference then", "n then", "clusters", "design effect",
             "can show"],
            [
                [
                    row.score, row.candidate, fmt.signed(row.difference), fmt.count(row.examples),
                    fmt.count(row.clusters), fmt.number(row.design_effect, 2),
                    fmt.number(row.detectable),
                ]
                for row in found.numbers
            ],
        )  # fmt: skip
    else:
        click.echo(
            f"no earlier run of {found.suite}: run a pilot for each number's own figure, "
            f"such as `bench run {suite} --limit 20`"
        )
    if found.gates:
        click.echo(f"examples that settle each gate, {chance} of the time:")
        _table(
            ["gate", "candidate", "number", "bound", "if it is", "needs"],
            [
                [
                    row.gate, row.candidate, row.score, row.bound, row.assumed,
                    row.note if row.needed is None else fmt.count(row.needed),
                ]
                for row in found.gates
            ],
        )  # fmt: skip


def _table(heads: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
