"""`bench baseline show`: what is accepted, and from which run and commit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.common import debug_option, reports_option

if TYPE_CHECKING:
    from benchmark.core.baseline import Baseline


@click.command("show")
@click.argument("suite", required=False)
@reports_option
@debug_option
def command(suite: str | None, reports: Path) -> int:
    """Show the accepted baseline of SUITE, or all of them. SUITE may be a file, too."""
    from benchmark.core.baseline import FOLDER, path_of
    from benchmark.core.baseline_file import AGAIN, read
    from benchmark.errors import StoreError

    if suite is None:
        paths = sorted((reports / FOLDER).glob("*.json"))
    else:
        paths = [Path(suite) if suite.endswith(".json") else path_of(reports, suite)]
    if not paths:
        raise StoreError(f"no baseline in {reports / FOLDER}", hint=AGAIN)
    for path in paths:
        for line in shown_lines(read(path), path):
            click.echo(line)
    return 0


def shown_lines(baseline: Baseline, path: Path) -> Iterator[str]:
    """Yield what a reviewer wants to know of a baseline."""
    from benchmark.reporters import format as fmt

    commit = baseline.commit[:12] if baseline.commit else "no commit"
    changed = " with changes that are in no commit" if baseline.dirty else ""
    data = baseline.dataset
    yield f"{fmt.one_line(str(path))}: {fmt.one_line(baseline.suite)} v{baseline.suite_version}"
    yield (
        f"  run {fmt.one_line(baseline.run_id)}, accepted {fmt.moment(baseline.accepted)}, "
        f"commit {fmt.one_line(commit)}{changed}"
    )
    yield (
        f"  {fmt.plural(data.test, 'test example')} of {fmt.one_line(data.name)}, "
        f"hash {data.test_sha256[:12]}"
    )
    for row in baseline.numbers:
        ends = fmt.interval(row.low, row.high)
        value = f"{fmt.number(row.value)} {ends}".rstrip()
        name = f"{fmt.one_line(row.candidate)} {fmt.one_line(row.score)}"
        yield f"  {name} {value}, {fmt.n_and_failed(row.n, row.failed)}"
    for name, signature in baseline.signatures.items():
        yield f"  {fmt.one_line(name)}: {fmt.one_line(signature)}"
