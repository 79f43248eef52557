"""What else chance may have changed, in words: several samples, and answers made in batches."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean, stdev

from benchmark.keys import canonical
from benchmark.reporters import format as fmt
from benchmark.reporters.board import Board, Row


def notes(board: Board) -> list[str]:
    """Return what a reader has to know of candidates that answered each example several times."""
    groups: dict[tuple[int, int], list[Row]] = {}
    for row in board.models:
        count = row.candidate.samples
        if count > 1 and row.candidate.error is None:
            asked = (row.candidate.answered + row.candidate.failed) // count
            groups.setdefault((asked, count), []).append(row)
    said = [_note(asked, count, rows, board) for (asked, count), rows in groups.items()]
    return [*said, *_seeds(board), *_batched(board)]


def _seeds(board: Board) -> Iterator[str]:
    """Say of trainings that differ in their seed alone how far apart their results are."""
    groups: dict[str, list[Row]] = {}
    for row in board.models:
        if (made := row.candidate.training) is not None:
            same = {name: value for name, value in made.parameters.items() if name != "seed"}
            key = [row.candidate.backend, row.candidate.description, made.data_sha256, same]
            groups.setdefault(canonical(key), []).append(row)
    for rows in groups.values():
        seeds = {row.candidate.training.seed for row in rows if row.candidate.training}
        cells = [cell for row in rows if board.primary and (cell := row.cell(board.primary.score))]
        known = (fmt.known(cell.summary.value) for cell in cells if cell.summary)
        values = [value for value in known if value is not None]
        if len(seeds) < len(rows) or len(values) < 2:
            continue
        decimals = cells[0].column.decimals
        yield (
            f"{', '.join(row.name for row in rows)} differ in the seed of their training alone: "
            f"{fmt.one_line(cells[0].column.score)} is {fmt.number(fmean(values), decimals)} on "
            f"average, ±{fmt.number(stdev(values), decimals)} from one seed to the next (sd). The "
            "interval of each holds for that one training, not for another seed."
        )


def _batched(board: Board) -> Iterator[str]:
    """Say how many of the answers that were checked do not depend on their batch."""
    for row in board.models:
        effort = row.candidate.effort
        if effort is not None and effort.checked:
            yield (
                f"{row.name} answered in {effort.dtype}, at most {fmt.count(effort.largest)} at "
                f"once: {fmt.count(effort.same)} of {fmt.plural(effort.checked, 'checked answer')} "
                "are the same when made alone."
            )


def _note(asked: int, count: int, rows: list[Row], board: Board) -> str:
    who = ", ".join(row.name for row in rows)
    said = (
        f"{who}: {fmt.plural(asked, 'example')} × {count} samples. An example's score is the mean "
        "of its samples; intervals and tests count examples, not samples."
    )
    spreads = [text for row in rows if (text := _spread(row, board))]
    if board.primary is None or not spreads:
        return said
    score = fmt.one_line(board.primary.score)
    return f"{said} From one sample to the next, {score} varies by ±{', ±'.join(spreads)} (sd)."


def _spread(row: Row, board: Board) -> str:
    """Return "0.012 (base)", or "" where it is not known."""
    cell = row.cell(board.primary.score) if board.primary else None
    spread = fmt.known(cell.summary.spread) if cell and cell.summary else None
    if cell is None or spread is None:
        return ""
    return f"{fmt.number(spread, cell.column.decimals)} ({row.name})"
