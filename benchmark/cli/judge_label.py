"""`bench judge label`: a page in the terminal to label answers with the keyboard."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.common import debug_option, reports_option

if TYPE_CHECKING:
    from benchmark.core.labels import Asked, Label
    from benchmark.results import Results

FOLDER = Path("suites") / "calibration"
MOST_KEYS = 9
"""The highest value that has a key of its own."""
WIDTH = 100


@click.command("label")
@click.argument("run", required=False)
@click.option("--judge", help="The judge whose scale is taken; default: the suite's first.")
@click.option("--scale", help="Least and most that can be said, such as 1-5 or 0-1.")
@click.option(
    "--candidate",
    "candidates",
    multiple=True,
    help="Label only this one's answers; may be given several times. Default: all but controls.",
)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="Labels to make in all.",
)
@click.option(
    "--labels",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write and go on with; default: suites/calibration/SUITE.labels.jsonl.",
)
@click.option("--by", default="", help="Who labels, for the record.")
@reports_option
@debug_option
def command(
    run: str | None,
    judge: str | None,
    scale: str | None,
    candidates: tuple[str, ...],
    number: int,
    labels: Path | None,
    by: str,
    reports: Path,
) -> int:
    """Label the answers of RUN: one key an answer, saved at once; run it again to go on.

    RUN is a run folder, a run id or the end of one, or a suite's name; by default the latest run.
    Answers come in an order that is as good as drawn, without the name of who gave them and
    without what the judge says. Where input is no terminal, it is read line by line: a value,
    `s` to leave one out, `b` to go back, `q` to stop.
    """
    from benchmark.cli.runs import find_run, read_results
    from benchmark.core.labels import read_labels, to_label
    from benchmark.core.store import RunFolder
    from benchmark.records import Example, Generation

    folder = find_run(reports, run)
    results = read_results(folder)
    files = RunFolder(folder)
    names = chosen(results, candidates)
    generations = {name: files.read_rows(f"generations/{name}.jsonl", Generation) for name in names}
    path = labels or FOLDER / f"{results.suite}.labels.jsonl"
    known = read_labels(path, some=False) if path.exists() else []
    ends = scale_of(results, files, judge, scale, known)
    queue = to_label(files.read_rows("examples.jsonl", Example), generations)
    page = Page(path, results.suite, ends, by, number, {label.id: label for label in known})
    page.go(queue)
    made = sum(label.value is not None for label in page.labels.values())
    click.echo(f"{made} labels in {path}")
    if made:
        click.echo(f"bench judge calibrate {path} says what they tell of the judges")
    return 0


@dataclass(slots=True)
class Page:
    """One session of labelling.

    Attributes:
        labels: By id; saved after each key.
    """

    path: Path
    suite: str
    scale: tuple[float, float]
    by: str
    number: int
    labels: dict[str, Label] = field(default_factory=dict)

    def go(self, queue: Sequence[Asked]) -> None:
        """Ask for a label of each answer that has none, until there are enough or it is ended."""
        from benchmark.core.labels import Label

        asked = [one for one in queue if one.id not in self.labels]
        known = {one.id for one in queue} & self.labels.keys()
        at, total = 0, min(self.number, len(queue))
        while at < len(asked) and len(known) < total:
            self.draw(asked[at], f"{len(known) + 1} of {total}")
            said = self.ask(asked[at])
            if said == "q":
                return
            if said == "b":
                at = max(0, at - 1)
                known.discard(asked[at].id)
                self.labels.pop(asked[at].id, None)
            else:
                one = asked[at]
                self.labels[one.id] = Label(
                    id=one.id,
                    suite=self.suite,
                    example_id=one.example.id,
                    value=said if isinstance(said, float) else None,
                    scale=self.scale,
                    by=self.by,
                    at=datetime.now(UTC).isoformat(timespec="seconds"),
                )
                known.add(one.id)
                at += 1
            self.save()

    def save(self) -> None:
        """Write all labels."""
        from benchmark.core.labels import write_labels

        write_labels(self.path, list(self.labels.values()))

    def draw(self, one: Asked, place: str) -> None:
        """Show question, reference and answer; what could move the cursor is made visible."""
        if is_terminal():
            click.clear()
        click.secho(f"{place}   {self.keys()}", dim=True)
        for title, text in parts(one):
            click.secho(f"\n{title}", bold=True)
            click.echo(wrapped(text))
        click.echo()

    def keys(self) -> str:
        """Return what can be said."""
        low, high = self.scale
        values = (
            "y yes · n no" if self.scale == (0.0, 1.0) else f"{low:g} (worst) to {high:g} (best)"
        )
        return f"{values} · s skip · b back · v view in a pager · q stop"

    def ask(self, one: Asked) -> float | str:
        """Return a value, or "s", "b", "q"; at the end of the input "q"."""
        while True:
            said = read(by_key=0 <= self.scale[0] and self.scale[1] <= MOST_KEYS)
            if said == "v":
                click.echo_via_pager("\n\n".join(f"{a}\n{wrapped(b)}" for a, b in parts(one)))
                continue
            if said in ("s", "b", "q"):
                return said
            value = self.value(said)
            if value is not None:
                return value
            click.echo(f"{wrapped(said) or 'nothing'} says nothing here: {self.keys()}", err=True)

    def value(self, said: str) -> float | None:
        """Return what a key or a line means as a value; None if it is off the scale."""
        if self.scale == (0.0, 1.0) and said in ("y", "n"):
            return float(said == "y")
        try:
            value = float(said)
        except ValueError:
            return None
        return value if self.scale[0] <= value <= self.scale[1] else None


def chosen(results: Results, candidates: Sequence[str]) -> list[str]:
    """Return the candidates to label. Raises DataError for one that the run does not have."""
    from benchmark.errors import DataError
    from benchmark.registry import did_you_mean

    names = [card.name for card in results.candidates]
    for name in candidates:
        if name not in names:
            hint = did_you_mean(name, names) or f"known: {', '.join(names)}"
            raise DataError(f"the run has no candidate {name!r}", hint=hint)
    if candidates:
        return list(dict.fromkeys(candidates))
    return [card.name for card in results.candidates if card.kind == "model"] or names


def scale_of(
    results: Results, files: Any, judge: str | None, scale: str | None, known: Sequence[Label]
) -> tuple[float, float]:
    """Return the scale to label on: asked for, of the labels already there, or the judge's.

    Raises:
        DataError: It cannot be told, or differs from that of the labels already there.
    """
    from benchmark.errors import DataError

    found = parsed(scale) if scale else None
    if known:
        if known[0].suite != results.suite:
            raise DataError(
                f"the labels file is of suite {known[0].suite!r}, and the run of {results.suite!r}",
                hint="name another file with --labels",
            )
        if found not in (None, known[0].scale):
            low, high = known[0].scale
            what = f"the labels there are on a scale of {low:g} to {high:g}"
            raise DataError(what, hint="name another file with --labels")
        return known[0].scale
    return found or judged_scale(results, files, judge)


def judged_scale(results: Results, files: Any, judge: str | None) -> tuple[float, float]:
    """Return a judge's scale, as it says it or as its opinions show it. Raises DataError."""
    from benchmark.errors import DataError
    from benchmark.records import Verdict

    names = [one.judge for one in results.trust]
    if judge is not None and judge not in names:
        hint = f"known: {', '.join(names)}" if names else "the run has no judges"
        raise DataError(f"the run has no judge {judge!r}", hint=hint)
    one = next((one for one in results.trust if judge in (None, one.judge)), None)
    if one is not None and one.scale is not None:
        return one.scale
    if one is not None and results.verdicts:
        rows = files.read_rows("verdicts.jsonl", Verdict)
        values = {row.value for row in rows if row.judge == one.judge and row.value is not None}
        if values and values <= {0, 1}:
            return (0.0, 1.0)
        if len(values) > 1 and all(value.is_integer() for value in values):
            return (min(values), max(values))
    raise DataError("the scale cannot be told from the run", hint="say it with --scale 1-5")


def parsed(scale: str) -> tuple[float, float]:
    """Return "1-5" as numbers. Raises DataError."""
    from benchmark.errors import DataError

    low, _, high = scale.partition("-")
    try:
        ends = (float(low), float(high))
    except ValueError:
        ends = (0.0, 0.0)
    if not ends[0] < ends[1] < float("inf"):
        raise DataError(f"--scale {scale!r} is no scale", hint="write the two ends, such as 1-5")
    return ends


def read(*, by_key: bool) -> str:
    """Return the next key or line; "q" where there is none left."""
    if is_terminal() and by_key:
        return click.getchar().lower()
    line = sys.stdin.readline()
    return line.strip().lower() if line else "q"


def is_terminal() -> bool:
    """Tell whether a person is there."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def parts(one: Asked) -> list[tuple[str, str]]:
    """Return what is shown of an answer: titles and texts."""
    references = [("Reference", text) for text in one.example.references]
    return [("Question", one.example.question), *references, ("Answer", one.text)]


def wrapped(text: str) -> str:
    """Return a text as lines of the terminal's width, with nothing in it that a terminal obeys."""
    from benchmark.reporters import format as fmt

    width = max(20, min(WIDTH, shutil.get_terminal_size().columns))
    lines = (textwrap.wrap(line, width) or [""] for line in fmt.clean(text).split("\n"))
    return "\n".join(part for line in lines for part in line)
