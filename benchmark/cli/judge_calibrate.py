"""`bench judge calibrate`: how far judges agree with labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.common import debug_option, reports_option

if TYPE_CHECKING:
    from benchmark.core.calibration import CalibrationFile
    from benchmark.core.labelled import Answered
    from benchmark.core.labels import Label
    from benchmark.records import Verdict
    from benchmark.results import Results

    By = dict[str, dict[str, list[Verdict]]]
    """Judge -> candidate -> verdicts."""


@click.command("calibrate")
@click.argument("labels", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--run", "run", help="The run whose answers were labelled; default: the suite's last."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Calibration file; default: SUITE.json beside LABELS.",
)
@reports_option
@debug_option
def command(labels: Path, run: str | None, output: Path | None, reports: Path) -> int:
    """Compare each judge's opinions with LABELS, a file that `bench judge label` wrote.

    Prints kappa, alpha, AUC and bias of each judge, and each candidate's mean as people would
    give it (few labels and many opinions together, PPI++). The calibration file is to be
    committed: later runs of the suite say by it how far their judges agree with people, until
    the judge, its model or the labels change.
    """
    from benchmark.cli.runs import find_run, read_results
    from benchmark.core.calibration import CalibrationFile, calibrate, write_calibration
    from benchmark.core.labels import read_labels
    from benchmark.keys import sha256_of_file

    known = read_labels(labels)
    suite = known[0].suite
    folder = find_run(reports, run or suite)
    results = read_results(folder)
    answered, verdicts = read_run(folder, results, known)
    signatures = {row.judge: row.signature for row in results.verdicts}
    target = output or labels.parent / f"{suite}.json"
    file = CalibrationFile(
        suite=suite,
        run_id=results.run_id,
        labels=os.path.relpath(labels, target.parent),
        labels_sha256=sha256_of_file(labels),
        scale=known[0].scale,
        judges=calibrate(known, answered, verdicts, results.trust, signatures),
        values={label.id: label.value for label in known if label.value is not None},
    )
    write_calibration(target, file)
    show(results, file, target, answered, verdicts)
    return 0


def read_run(folder: Path, results: Results, labels: Sequence[Label]) -> tuple[Answered, By]:
    """Return a run's answers and verdicts, and say which labels they leave over.

    Raises:
        DataError: The labels are of another suite, or the run has no judge.
        StoreError: The run's records are missing.
    """
    from benchmark.core.labelled import Answered
    from benchmark.core.labels import label_id
    from benchmark.core.store import RunFolder
    from benchmark.errors import DataError
    from benchmark.records import Example, Generation, Verdict

    if results.suite != labels[0].suite:
        what = f"the labels are of suite {labels[0].suite!r} and run {results.run_id} is of"
        raise DataError(f"{what} {results.suite!r}", hint="name a run of that suite with --run")
    if not results.trust:
        what = f"run {results.run_id} has no judge"
        raise DataError(what, hint="name judges in the suite and run it again")
    run = RunFolder(folder)
    examples = run.read_rows("examples.jsonl", Example)
    generations = {
        card.name: run.read_rows(f"generations/{card.name}.jsonl", Generation)
        for card in results.candidates
    }
    verdicts: By = {}
    if results.verdicts:
        for row in run.read_rows("verdicts.jsonl", Verdict):
            verdicts.setdefault(row.judge, {}).setdefault(row.candidates[0], []).append(row)
    by_id = {example.id: example for example in examples}
    given = {
        label_id(by_id[row.example_id], row.text)
        for rows in generations.values()
        for row in rows
        if row.text is not None and row.example_id in by_id
    }
    left = sum(label.id not in given for label in labels)
    if left:
        click.echo(
            f"{left} of {len(labels)} labels are of answers that run {results.run_id} did not "
            "give; they are left out",
            err=True,
        )
    return Answered(examples, generations), verdicts


def show(
    results: Results, file: CalibrationFile, path: Path, answered: Answered, verdicts: By
) -> None:
    """Print how the judges agree with people, and the corrected scores."""
    from benchmark.core.calibration import FEW, in_run
    from benchmark.reporters import trust

    judged = [
        one.model_copy(
            update={"calibration": in_run(file, path, one, verdicts.get(one.judge, {}), answered)}
        )
        for one in results.trust
    ]
    seen = results.model_copy(update={"trust": tuple(judged)})
    for table in trust.people_tables(seen):
        print_table(table)
    for one in judged:
        if one.calibration is None:
            click.echo(f"{one.judge} has no opinion on a labelled answer")
        elif one.calibration.kappa.value is None and one.calibration.auc.value is None:
            click.echo(f"{one.judge}: labels or opinions are all equal, so nothing can be said")
    few = min(found.n for found in file.judges.values())
    if few < FEW:
        click.echo(f"With {few} labels the intervals are too narrow; {FEW} or more do better.")
    click.echo(f"\n{path}: commit it; the next run of {file.suite} reads it")


def print_table(table: Any) -> None:
    """Print one of the reports' tables."""
    from rich.console import Console
    from rich.text import Text

    from benchmark.reporters.console_tables import plain_table

    drawn = plain_table("")
    for at, head in enumerate(table.heads):
        drawn.add_column(Text(head), justify="left" if at < table.words else "right")
    for row in table.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False)
    console.print(Text(f"\n{table.title}", style="bold"))
    console.print(drawn)
